//! Images that are the same twice: on other stores, with other numbers of jobs, in other surroundings; and
//! `--verify`, which says what is not.

use std::fs;
use std::path::Path;
use std::process::Command;

use libtest_mimic::{Failed, Trial};

use super::{NEEDS, same};
use crate::Outcome;
use crate::dfc::{Dfc, Done};
use crate::image::Layout;
use crate::need::{Need, trial};
use crate::project::Project;
use crate::{bases, scratch};

const EPOCH: &str = "1600000000";

pub(super) fn trials() -> Vec<Trial> {
    let other_host: &[Need] =
        &[Need::Root, Need::Sandbox, Need::StaticBusybox, Need::Program("unshare")];
    vec![
        trial("build::verify::surroundings_leave_no_trace", other_host, surroundings),
        trial("build::verify::what_is_the_same_is_delivered", NEEDS, the_same),
        trial("build::verify::names_the_first_step_and_paths", NEEDS, first_step),
        trial("build::verify::times_count_with_an_epoch", NEEDS, times),
        trial("build::verify::knows_well_known_causes", NEEDS, causes),
        trial("build::verify::a_step_that_fails_is_a_failure", NEEDS, failure),
        trial("build::verify::begins_from_nothing", NEEDS, from_nothing),
    ]
}

/// Everything that a builder could let through: times, names of the machine, its user, its environment, the order of
/// files on the disk, the header of gzip.
const EVERYTHING: &str = "\
FROM busybox AS one
COPY . /src/
RUN date > /dev/null && hostname > /host && id > /id && env | sort > /env && umask > /umask
RUN mkdir /made && for i in 9 3 7 1 5; do echo $i > /made/$i; done && ln /made/1 /made/linked
RUN chown -R app:staff /made && chmod 2750 /made && mkfifo /made/pipe && ln -s nowhere /made/dangling
FROM busybox AS two
WORKDIR /w
ADD packed.tar /w/unpacked/
RUN touch -d @1500000000 old && touch new && cat /proc/sys/kernel/hostname > name && pwd > pwd
FROM busybox
LABEL a=b
COPY --link --from=two /w/ /w/
COPY --from=one --chown=7:8 /made/ /made/
COPY --from=one /host /id /env /umask /
RUN rm /bin/vi && ls / > /list && cat /etc/hosts > /hosts
";

fn surroundings() -> Outcome {
    let build = |folder: &Path, names: &[&str], jobs: &str, around: &[&str]| {
        let context = folder.join("context");
        fs::create_dir_all(&context)?;
        for name in names {
            fs::write(context.join(name), name)?;
        }
        let mut packed = tar::Builder::new(fs::File::create(context.join("packed.tar"))?);
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o640);
        header.set_size(3);
        header.set_mtime(1_700_000_000);
        packed.append_data(&mut header, "x", &b"abc"[..])?;
        packed.finish()?;
        fs::write(context.join("Dockerfile"), EVERYTHING)?;
        let dfc = Dfc::new()?;
        let archive = folder.join("image.tar");
        let output = format!("type=oci,dest={}", archive.display());
        let call = dfc.command(["build", "--jobs", jobs, "--output", &output])?;
        let mut command = Command::new(around[0]);
        command.args(&around[1..]).arg(call.get_program()).args(call.get_args());
        command.args(bases::flags()?).arg(&context).current_dir(folder);
        command.env("DFC_HOME", dfc.home()).env("SOURCE_DATE_EPOCH", EPOCH);
        Done::from(command.output()?).expect(0)?;
        Layout::read(&archive)?.digest()
    };
    let (here, there) = (scratch::fresh("here-")?, scratch::fresh("there-with-a-longer-name-")?);
    let first = build(here.path(), &["a", "b", "c", "d"], "8", &["env"])?;
    let other = "hostname elsewhere; umask 077; export TZ=Asia/Tokyo LANG=de_DE.UTF-8 USER=nobody \
                 HOME=/nowhere HOSTNAME=elsewhere; exec \"$@\"";
    let around = ["unshare", "--uts", "sh", "-c", other, "sh"];
    let second = build(there.path(), &["d", "b", "c", "a"], "1", &around)?;
    same("image", &second, &first)
}

fn verify(project: &Project, flags: &[&str], epoch: Option<&str>) -> Result<Done, Failed> {
    let mut all = vec!["--verify"];
    all.extend(flags);
    let mut command = project.command(&all)?;
    if let Some(epoch) = epoch {
        command.env("SOURCE_DATE_EPOCH", epoch);
    }
    Ok(Done::from(command.output()?))
}

fn says(done: &Done, words: &[&str]) -> Outcome {
    match words.iter().find(|word| !done.stderr.contains(**word)) {
        Some(word) => Err(format!("does not say `{word}`:\n{}", done.stderr).into()),
        None => Ok(()),
    }
}

fn the_same() -> Outcome {
    let project = Project::new("FROM busybox\nRUN echo made > /made\nCMD [\"cat\", \"/made\"]\n")?;
    let out = project.beside("out");
    let local = format!("type=local,dest={}", out.display());
    let archive = project.beside("image.tar");
    let oci = format!("type=oci,dest={}", archive.display());
    let flags = ["-t", "twice:1", "-o", &local, "-o", &oci, "-o", "type=image"];
    let done = verify(&project, &flags, Some(EPOCH))?.expect(0)?;
    says(&done, &["first build", "second build", "Built twice: the same to the byte"])?;
    same("file", &fs::read_to_string(out.join("made"))?.as_str(), &"made\n")?;
    let ran = project.dfc.run(["run", "--rm", "twice:1"])?.expect(0)?;
    same("the image says", &ran.stdout.as_str(), &"made\n")?;
    // It is what a build gives.
    let plain = Project::new("FROM busybox\nRUN echo made > /made\nCMD [\"cat\", \"/made\"]\n")?;
    let other = plain.beside("image.tar");
    let flag = format!("type=oci,dest={}", other.display());
    let mut command = plain.command(&["-o", &flag])?;
    command.env("SOURCE_DATE_EPOCH", EPOCH);
    Done::from(command.output()?).expect(0)?;
    same("image", &Layout::read(&archive)?.digest()?, &Layout::read(&other)?.digest()?)?;
    let left = fs::read_dir(project.dfc.home().join("tmp"))?.count();
    same("left in tmp", &left, &0)
}

fn first_step() -> Outcome {
    // What differs is taken from a random number, so that it differs for sure.
    let project = Project::new(
        "FROM busybox\nRUN echo same > /same\n\
         RUN r=$(head -c 8 /dev/urandom | od -An -tu8 | tr -d ' ') && mkdir /d \
         && printf 'one\\n%s\\n' $r > /d/text && touch /d/only-$r \
         && ln -s $r /d/link && head -c 9 /dev/urandom > /d/bytes\n\
         RUN cat /d/text > /seen\n",
    )?;
    let done = verify(&project, &["-t", "never"], Some(EPOCH))?.expect(3)?;
    says(
        &done,
        &[
            "not-reproducible",
            "[2/4] RUN r=$(head",
            "Dockerfile:3:1",
            "/d/bytes: content: differs from byte",
            "/d/link: leads to `",
            "only the first build made it",
            "only the second build made it",
            "/d/text: content: line 2 is `",
            "ARG SOURCE_DATE_EPOCH",
            "later steps differ, too",
            "[3/4] RUN cat /d/text > /seen: /seen",
        ],
    )?;
    same("first step", &done.stderr.contains("/same:"), &false)?;
    let images = project.dfc.run(["images"])?.expect(0)?.stdout;
    same("an image was made", &images.contains("never"), &false)
}

fn times() -> Outcome {
    let project = Project::new("FROM busybox\nRUN touch /now\n")?;
    let done = verify(&project, &[], None)?.expect(0)?;
    says(&done, &["the same but for times"])?;
    verify(&project, &[], Some(EPOCH))?.expect(0)?;
    // Nothing is later than an epoch to come, so all times stay as they are.
    let done = verify(&project, &[], Some("4000000000"))?.expect(3)?;
    says(&done, &["/now: time 1", ", and then 1"])
}

fn causes() -> Outcome {
    let project = Project::new(
        "FROM busybox\nARG SOURCE_DATE_EPOCH\nRUN mkdir -p /var/log/apt /var/cache/ldconfig \
         && cat /proc/uptime | tee /var/log/apt/history.log /var/cache/ldconfig/aux-cache /etc/machine-id \
         > /app.pyc && echo x | gzip > /app.gz\n",
    )?;
    let done = verify(&project, &[], Some(EPOCH))?.expect(3)?;
    says(
        &done,
        &[
            "/var/log/apt/history.log: logs with times",
            "rm /var/cache/ldconfig/aux-cache",
            "PYTHONDONTWRITEBYTECODE",
            ": > /etc/machine-id",
        ],
    )?;
    same("the ARG is there", &done.stderr.contains("with `ARG SOURCE_DATE_EPOCH`"), &false)
}

fn failure() -> Outcome {
    let project = Project::new("FROM busybox\nRUN exit 7\n")?;
    let done = verify(&project, &[], None)?.expect(1)?;
    says(&done, &["exit code: 7"])?;
    let both = project.dfc.run(["build", "--verify", "--check", "."])?.expect(2)?;
    says(&both, &["--check"])
}

/// Neither what earlier builds left nor a cache mount of theirs is used, and nothing of it is changed.
fn from_nothing() -> Outcome {
    let project = Project::new(
        "FROM busybox\nRUN --mount=type=cache,target=/kept echo x >> /kept/count; cat /kept/count > /out\n",
    )?;
    project.build(&[])?;
    let done = verify(&project, &[], Some(EPOCH))?.expect(0)?;
    same("cached", &done.stderr.contains("#2 CACHED"), &false)?;
    let tree = project.build(&["--no-cache"])?.image.tree()?;
    same("runs that the cache saw", &tree.text("/out"), &Some("x\nx\n"))
}
