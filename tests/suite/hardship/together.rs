//! Several processes on one store: builds, and prunes that take all they can get.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use libtest_mimic::{Failed, Trial};

use super::{NEEDS, STAGES, blobs_are_true, images_are_whole, nothing_half_made, says};
use crate::Outcome;
use crate::dfc::Dfc;
use crate::need::trial;
use crate::project::Project;

/// Steps that make something else each time, or at least at another time.
const CHANGING: &str = "FROM busybox\nARG ROUND\nCOPY copied /new/folder/\n\
    RUN echo $ROUND > /same\nRUN head -c 9 /dev/urandom > /other\nCOPY copied /last/folder/\n\
    WORKDIR /work\n";
const PAIRS: usize = 8;

/// How many build at the same time, and how often each.
const BUILDERS: usize = 3;
const ROUNDS: usize = 6;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("hardship::pruned_all_the_time", NEEDS, pruned_all_the_time),
        trial("hardship::taken_away_all_the_time", NEEDS, taken_away_all_the_time),
        trial("hardship::pruned_while_a_step_runs", NEEDS, pruned_while_a_step_runs),
        trial("hardship::the_same_at_the_same_moment", NEEDS, the_same_at_the_same_moment),
    ]
}

/// Builds come to their end and their images are whole, however often others prune.
fn pruned_all_the_time() -> Outcome {
    let store = Dfc::new()?;
    let is_over = AtomicBool::new(false);
    let prunes = thread::scope(|scope| -> Result<usize, Failed> {
        let builders: Vec<_> = (0..BUILDERS)
            .map(|number| {
                let home = store.home();
                scope.spawn(move || build_often(&Dfc::at(home)?, number))
            })
            .collect();
        let pruning = scope.spawn(|| -> Result<usize, Failed> {
            let mut count = 0;
            while !is_over.load(Ordering::Relaxed) {
                store.run(["prune", "--all", "--force"])?.expect(0)?;
                count += 1;
            }
            Ok(count)
        });
        let built: Vec<Outcome> = builders.into_iter().map(joined).collect();
        is_over.store(true, Ordering::Relaxed);
        let prunes = pruning.join().unwrap_or_else(|_| Err("a panic".into()));
        built.into_iter().collect::<Outcome>()?;
        prunes
    })?;
    if prunes < ROUNDS {
        return Err(format!("{prunes} prunes").into());
    }
    let beside = Project::new("FROM busybox\n")?;
    for number in 0..BUILDERS {
        says(&store, &format!("built{number}"), &format!("one\nfile {number}\n"))?;
    }
    images_are_whole(&store, &beside.beside(""))?;
    blobs_are_true(store.home())?;
    nothing_half_made(store.home())
}

fn build_often(dfc: &Dfc, number: usize) -> Outcome {
    let mut project = Project::new(STAGES)?;
    project.file("copied", &format!("file {number}\n"))?;
    project.dfc = Dfc::at(dfc.home())?;
    let name = format!("built{number}");
    for round in 0..ROUNDS {
        let flags: &[&str] = if round % 2 == 0 { &["--no-cache"] } else { &[] };
        project.try_build(&[flags, &["-t", &name]].concat())?.expect(0)?;
    }
    says(&project.dfc, &name, &format!("one\nfile {number}\n"))
}

/// Steps so short that most of the time goes into what is looked up, recorded, put and named; the cache mount must be as it
/// was asked for even if it went between being made and being used.
const SHORT: &str = "\
FROM busybox AS one
COPY copied /one
FROM busybox
WORKDIR /work
RUN --mount=type=cache,target=/kept,mode=0741 [ $(stat -c %a /kept) = 741 ]
COPY --from=one /one /two
CMD [\"cat\", \"/two\"]
";
const SHORT_ROUNDS: usize = 12;

/// Builds, `load` and `import` end well whatever goes beside them: images with and without names, records, cache mounts.
fn taken_away_all_the_time() -> Outcome {
    let store = Dfc::new()?;
    let mut project = Project::new(SHORT)?;
    project.file("copied", "of an archive\n")?;
    project.try_build(&["-t", "loaded"])?.expect(0)?;
    let archive = project.beside("loaded.tar").display().to_string();
    project.dfc.run(["save", "-o", &archive, "loaded"])?.expect(0)?;
    let files = project.beside("files.tar").display().to_string();
    project.dfc.run(["export", "-o", &files, "loaded"])?.expect(0)?;
    project.dfc = Dfc::at(store.home())?;
    let is_over = AtomicBool::new(false);
    let until_over = |args: &[&[&str]]| -> Outcome {
        while !is_over.load(Ordering::Relaxed) {
            for args in args {
                store.run(*args)?.expect(0)?;
            }
        }
        Ok(())
    };
    let import = |number: usize| -> Outcome {
        let args = if number.is_multiple_of(2) {
            ["load", "-i", &archive]
        } else {
            ["import", &files, "it"]
        };
        store.run(args)?.expect(0).map(drop)
    };
    thread::scope(|scope| -> Outcome {
        let work = [
            scope.spawn(|| build_short(store.home(), "first")),
            scope.spawn(|| build_short(store.home(), "second")),
            scope.spawn(|| (0..2 * SHORT_ROUNDS).try_for_each(import)),
        ];
        let takers = [
            scope.spawn(|| until_over(&[&["prune", "--all", "--force"]])),
            scope.spawn(|| {
                let names = ["rm", "--force", "first", "second", "shared", "loaded", "it"];
                until_over(&[&names, &["image", "prune", "--all", "--force"]])
            }),
        ];
        let worked: Vec<Outcome> = work.into_iter().map(joined).collect();
        is_over.store(true, Ordering::Relaxed);
        worked.into_iter().chain(takers.into_iter().map(joined)).collect()
    })?;
    images_are_whole(&store, &project.beside(""))?;
    blobs_are_true(store.home())?;
    store.run(["prune", "--all", "--force"])?.expect(0)?;
    nothing_half_made(store.home())?;
    project.try_build(&["-t", "first"])?.expect(0)?;
    says(&store, "first", "of an archive\n")
}

/// Builds the same as another does at the same time, and something of its own, by turns.
fn build_short(home: &Path, name: &str) -> Outcome {
    let mut project = Project::new(SHORT)?;
    project.dfc = Dfc::at(home)?;
    for round in 0..SHORT_ROUNDS {
        let own = if round % 3 == 0 { "" } else { name };
        project.file("copied", &format!("round {round} {own}\n"))?;
        let flags: &[&str] = if round % 4 == 0 { &["--no-cache"] } else { &[] };
        project.try_build(&[flags, &["-t", name, "-t", "shared"]].concat())?.expect(0)?;
    }
    Ok(())
}

fn joined(thread: thread::ScopedJoinHandle<'_, Outcome>) -> Outcome {
    thread.join().unwrap_or_else(|_| Err("a panic".into()))
}

/// What a running step stands on stays, and so does its cache mount; what nobody uses goes at once.
fn pruned_while_a_step_runs() -> Outcome {
    let project = Project::new(
        "FROM busybox\nRUN echo below > /below\nRUN --mount=type=cache,target=/c echo kept > /c/it; \
         mkfifo /tmp/f; for i in 1 2 3 4 5 6 7 8; do sleep 0.1; cat /below /c/it > /both; done\n",
    )?;
    let other = Project::new("FROM busybox\nRUN head -c 3000000 /dev/urandom > /x\n")?;
    let mut unneeded = other.dfc.command(["build", "--quiet"])?;
    unneeded.env("DFC_HOME", project.dfc.home()).args(crate::bases::flags()?);
    crate::dfc::Done::from(unneeded.arg(other.context()).output()?).expect(0)?;
    let building = project.command(&["-t", "it"])?;
    let done = thread::scope(|scope| -> Result<_, Failed> {
        let building = scope.spawn(|| -> Result<_, Failed> {
            let mut building = building;
            Ok(crate::dfc::Done::from(building.output()?))
        });
        let mut freed = 0;
        while !building.is_finished() {
            let done = project.dfc.run(["prune", "--all", "--force"])?.expect(0)?;
            freed += usize::from(!done.stdout.contains("Removed 0 layers"));
        }
        if freed == 0 {
            return Err("nothing was removed while the build ran".into());
        }
        building.join().map_err(|_| "a panic")?
    })?;
    done.expect(0)?;
    let said = project.dfc.run(["run", "it", "cat", "/both"])?.expect(0)?;
    if said.stdout == "below\nkept\n" { Ok(()) } else { Err(said.stdout.into()) }
}

/// Two builds of the same at the same moment end with the same image, and so does one that is cached.
fn the_same_at_the_same_moment() -> Outcome {
    let project = Project::new(CHANGING)?;
    for round in 0..PAIRS {
        project.file("copied", &format!("round {round}\n"))?;
        let argument = format!("ROUND={round}");
        let flags = ["--quiet", "--build-arg", &argument];
        let build = || -> Result<_, Failed> {
            let mut command = project.command(&flags)?;
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            Ok(command.spawn()?)
        };
        let both = [build()?, build()?];
        let mut images = Vec::new();
        for one in both {
            images.push(crate::dfc::Done::from(one.wait_with_output()?).expect(0)?.stdout);
        }
        images.push(project.try_build(&flags)?.expect(0)?.stdout);
        if images.iter().any(|image| image != &images[0]) {
            return Err(format!("round {round}: {images:?}").into());
        }
    }
    images_are_whole(&project.dfc, &project.beside(""))?;
    blobs_are_true(project.dfc.home())
}
