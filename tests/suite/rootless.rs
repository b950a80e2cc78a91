//! Builds of an ordinary user, who is given subordinate ids for the length of the trial: a mount namespace
//! of its own shows it another `/etc/passwd` and `/etc/subuid`. Nothing on the machine changes.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libtest_mimic::{Completion, Failed, Trial};
use tempfile::TempDir;

use crate::Outcome;
use crate::dfc::{Done, binary};
use crate::image::Layout;
use crate::need::Need;
use crate::project::Project;
use crate::{bases, scratch};

const NEEDS: &[Need] = &[
    Need::Root,
    Need::StaticBusybox,
    Need::Program("newuidmap"),
    Need::Program("unshare"),
    Need::Program("setpriv"),
];

/// Who builds. No machine has a user of this number.
const USER: u32 = 54_321;

/// Shows the user's files in place of the machine's, then becomes the user.
const ENTER: &str = r#"
for file in passwd group subuid subgid; do
    [ -e /etc/$file ] || exit 99
    mount --bind "$1/$file" /etc/$file || exit 99
done
user=$2
shift 2
exec setpriv --reuid "$user" --regid "$user" --clear-groups "$@"
"#;

/// Owners, modes, deletions, links and a file of another user: what ids of a namespace could spoil.
const DOCKERFILE: &str = "\
FROM busybox
RUN mkdir /made && echo one > /made/one && chown -R app:staff /made && chmod 2750 /made
RUN rm /etc/group && ln /made/one /made/two && ln -s one /made/three && mkfifo /made/pipe
COPY --chown=7:8 --chmod=640 copied.txt /made/
USER app
RUN id -u > /home/app/id && touch /tmp/mine
";

/// A trial for each question.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("rootless::image_is_that_of_root", image_is_that_of_root),
        trial("rootless::same_bytes_as_root", same_bytes_as_root),
        trial("rootless::run", run),
        trial("rootless::suites_of_an_ordinary_user", suites),
    ]
}

fn trial(name: &str, body: fn(&User) -> Outcome) -> Trial {
    Trial::ignorable_test(name, move || {
        if let Some(reason) = NEEDS.iter().find_map(|need| need.missing()) {
            return Ok(Completion::ignored_with(reason));
        }
        let user = User::new()?;
        let reach = [OsString::from("test"), "-x".into(), binary()?.into()];
        if user.call(&reach).stderr(Stdio::null()).status()?.code() != Some(0) {
            let reason = "needs mount namespaces, and a checkout that other users can enter";
            return Ok(Completion::ignored_with(reason));
        }
        body(&user).map(|()| Completion::Completed)
    })
}

/// The user's home, with the files that the namespace shows.
struct User {
    home: TempDir,
}

impl User {
    fn new() -> Result<User, Failed> {
        // The user must get through the folders above its home.
        fs::set_permissions(scratch::folder(), fs::Permissions::from_mode(0o755))?;
        let home = scratch::fresh("user-")?;
        let path = home.path();
        chown(path, Some(USER), Some(USER))?;
        let line = |file: &str, own: String| -> Result<(), Failed> {
            let machine = fs::read_to_string(Path::new("/etc").join(file)).unwrap_or_default();
            Ok(fs::write(path.join(file), format!("{machine}{own}\n"))?)
        };
        let folder = path.display();
        line("passwd", format!("tester:x:{USER}:{USER}::{folder}:/bin/sh"))?;
        line("group", format!("tester:x:{USER}:"))?;
        line("subuid", format!("tester:{}:65536", USER * 10))?;
        line("subgid", format!("tester:{}:65536", USER * 10))?;
        Ok(User { home })
    }

    /// A command that the user calls.
    fn call(&self, args: &[OsString]) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", ENTER, "sh"]);
        command.arg(self.home.path()).arg(USER.to_string()).args(args).stdin(Stdio::null());
        command.env("HOME", self.home.path()).env("NO_COLOR", "1").env_remove("XDG_RUNTIME_DIR");
        // By it the suites know the lines of /etc/subuid that are meant.
        command.env("DFC_HOME", self.home.path().join("store")).env("USER", "tester");
        command.current_dir("/");
        command
    }

    fn dfc(&self, args: &[&str]) -> Result<Done, Failed> {
        let mut all = vec![OsString::from(binary()?)];
        all.extend(args.iter().map(OsString::from));
        Ok(Done::from(self.call(&all).output()?))
    }

    /// A context in the user's home.
    fn context(&self) -> Result<PathBuf, Failed> {
        let context = self.home.path().join("context");
        fs::create_dir(&context)?;
        fs::write(context.join("Dockerfile"), DOCKERFILE)?;
        fs::write(context.join("copied.txt"), "copied\n")?;
        Ok(context)
    }

    /// Builds the context; gives the archive's path.
    fn build(&self, flags: &[&str]) -> Result<PathBuf, Failed> {
        let archive = self.home.path().join("image.tar");
        let output = format!("type=oci,dest={}", archive.display());
        let context = self.context()?.to_string_lossy().into_owned();
        let given = bases::flags()?;
        let mut args = vec!["build", "--progress=plain", "--output", &output];
        args.extend(given.iter().map(String::as_str));
        args.extend(flags);
        args.push(&context);
        self.dfc(&args)?.expect(0)?;
        Ok(archive)
    }
}

fn image_is_that_of_root(user: &User) -> Outcome {
    let project = Project::new(DOCKERFILE)?;
    project.file("copied.txt", "copied\n")?;
    let wanted = project.build(&[])?.image;
    let got = Layout::read(&user.build(&[])?)?;
    let base = Layout::read(&bases::folder()?.join("busybox"))?.base()?;
    let (wanted, got) = (wanted.normal_form(&base, &[])?, got.normal_form(&base, &[])?);
    let found = crate::difference::differences(&wanted, &got);
    if found.is_empty() { Ok(()) } else { Err(found.join("\n").into()) }
}

/// Nothing of the ids outside of the namespace is in the image.
fn same_bytes_as_root(user: &User) -> Outcome {
    let project = Project::new(DOCKERFILE)?;
    project.file("copied.txt", "copied\n")?;
    let archive = project.beside("image.tar");
    let output = format!("type=oci,dest={}", archive.display());
    let epoch = ["--build-arg", "SOURCE_DATE_EPOCH=1600000000"];
    project.try_build(&[&["--output", &output][..], &epoch].concat())?.expect(0)?;
    let wanted = Layout::read(&archive)?.digest()?;
    let got = Layout::read(&user.build(&epoch)?)?.digest()?;
    if wanted == got { Ok(()) } else { Err(format!("{got}, not {wanted}").into()) }
}

/// These suites, called by the user: recorded cases of RUN and of owners, and what a build gives.
fn suites(user: &User) -> Outcome {
    let suite = std::env::current_exe()?;
    for filter in ["conformance::run-", "conformance::copy-chown", "build::mounts", "build::result"]
    {
        let args = [suite.clone().into(), OsString::from("--color=never"), filter.into()];
        let mut command = user.call(&args);
        command.env("DFC_BIN", binary()?).env("TMPDIR", user.home.path());
        let done = Done::from(command.output()?);
        if done.stdout.contains("running 0 tests") {
            return Err(format!("no trials are called {filter}").into());
        }
        done.expect(0)?;
    }
    Ok(())
}

fn run(user: &User) -> Outcome {
    user.build(&["-t", "mine", "--output", "type=image"])?;
    let done = user.dfc(&["run", "--rm", "mine", "cat", "/home/app/id"])?.expect(0)?;
    if done.stdout == "1000\n" { Ok(()) } else { Err(format!("said {:?}", done.stdout).into()) }
}
