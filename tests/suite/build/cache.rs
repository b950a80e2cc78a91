//! What runs again after a change, and what does not.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use libtest_mimic::Trial;

use super::{NEEDS, same};
use crate::Outcome;
use crate::need::trial;
use crate::project::Project;

const DOCKERFILE: &str = "\
FROM busybox AS tools
RUN echo tools > /tools
FROM tools
WORKDIR /app
COPY first.txt .
RUN cat first.txt > second.txt
COPY late /late
ENV LATE=yes
RUN ls /late > /list
";

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("build::cache::second_build_is_cached", NEEDS, second_build_is_cached),
        trial("build::cache::changed_file_reruns_what_follows", NEEDS, changed_file),
        trial("build::cache::touched_files_rerun_nothing", NEEDS, touched_files),
        trial("build::cache::moved_context_reruns_nothing", NEEDS, moved_context),
        trial("build::cache::new_file_of_same_size_and_time_is_seen", NEEDS, same_size_and_time),
        trial("build::cache::comments_and_names_rerun_nothing", NEEDS, comments_and_names),
        trial("build::cache::same_result_ends_the_rerun", NEEDS, same_result),
        trial("build::cache::unseen_argument_reruns_nothing", NEEDS, unseen_argument),
        trial("build::cache::no_cache_runs_everything", NEEDS, no_cache),
        trial("build::cache::mode_of_a_file_counts", NEEDS, mode_counts),
    ]
}

fn project() -> Result<Project, libtest_mimic::Failed> {
    let project = Project::new(DOCKERFILE)?;
    project.file("first.txt", "one\n")?;
    project.file("late/a.txt", "a\n")?;
    project.file("late/b.txt", "b\n")?;
    Ok(project)
}

fn second_build_is_cached() -> Outcome {
    let project = project()?;
    let first = project.build(&[])?;
    same("cached at first", &first.log.cached(), &Vec::new())?;
    let second = project.build(&[])?;
    same("run again", &second.log.executed(), &Vec::new())?;
    same("cached", &second.log.cached().len(), &first.log.executed().len())?;
    same("image", &second.image.digest()?, &first.image.digest()?)
}

fn changed_file() -> Outcome {
    let project = project()?;
    project.build(&[])?;
    project.file("late/b.txt", "changed\n")?;
    let built = project.build(&[])?;
    let again = vec!["COPY late /late", "RUN ls /late > /list"];
    // The list of names is the same, but RUN cannot know before it has run.
    same("run again", &built.log.executed(), &again)?;
    let tree = built.image.tree()?;
    same("content", &tree.text("/late/b.txt"), &Some("changed\n"))?;
    project.file("first.txt", "two\n")?;
    let built = project.build(&[])?;
    let tree = built.image.tree()?;
    same("content", &tree.text("/app/second.txt"), &Some("two\n"))?;
    same("other stage", &built.log.cached().contains(&"RUN echo tools > /tools"), &true)
}

fn touched_files() -> Outcome {
    let project = project()?;
    let first = project.build(&[])?;
    let later = SystemTime::now() + Duration::from_secs(60);
    for name in ["first.txt", "late/a.txt", "late/b.txt", "Dockerfile"] {
        File::options().write(true).open(project.context().join(name))?.set_modified(later)?;
    }
    let second = project.build(&[])?;
    same("run again", &second.log.executed(), &Vec::new())?;
    same("image", &second.image.digest()?, &first.image.digest()?)
}

fn moved_context() -> Outcome {
    let project = project()?;
    project.build(&[])?;
    let moved = project.beside("elsewhere");
    fs::rename(project.context(), &moved)?;
    fs::create_dir(project.context())?;
    for name in ["Dockerfile", "first.txt", "late/b.txt", "late/a.txt"] {
        project.file(name, &fs::read_to_string(moved.join(name))?)?;
    }
    let built = project.build(&[])?;
    same("run again", &built.log.executed(), &Vec::new())
}

/// A change that keeps size and modification time must not hide behind remembered digests.
fn same_size_and_time() -> Outcome {
    let project = project()?;
    project.build(&[])?;
    let path = project.context().join("first.txt");
    let time = fs::metadata(&path)?.modified()?;
    project.file("first.txt", "two\n")?;
    File::options().write(true).open(&path)?.set_modified(time)?;
    let tree = project.build(&[])?.image.tree()?;
    same("content", &tree.text("/app/second.txt"), &Some("two\n"))
}

fn comments_and_names() -> Outcome {
    let project = project()?;
    project.build(&[])?;
    let text = DOCKERFILE.replace("tools\n", "base\n").replace("FROM base", "# a word\nFROM base");
    let text = text.replace("echo base", "echo tools").replace("> /base", "> /tools");
    project.dockerfile(&text)?;
    let built = project.build(&[])?;
    same("run again", &built.log.executed(), &Vec::new())
}

/// A step that runs again and makes what it made before does not make others run again.
fn same_result() -> Outcome {
    let project = Project::new(
        "FROM busybox AS made\n\
         COPY source.txt /\n\
         RUN grep -v '^#' /source.txt > /made\n\
         FROM busybox\n\
         COPY --from=made /made /\n\
         RUN wc -l < /made > /count\n",
    )?;
    project.file("source.txt", "# first comment\ncontent\n")?;
    let first = project.build(&[])?;
    project.file("source.txt", "# another comment\ncontent\n")?;
    let second = project.build(&[])?;
    let again = vec!["COPY source.txt /", "RUN grep -v '^#' /source.txt > /made"];
    same("run again", &second.log.executed(), &again)?;
    same("image", &second.image.digest()?, &first.image.digest()?)
}

fn unseen_argument() -> Outcome {
    let project = Project::new(
        "FROM busybox\n\
         RUN echo before > /before\n\
         ARG VERSION\n\
         RUN echo $VERSION > /version\n",
    )?;
    project.build(&["--build-arg", "VERSION=1"])?;
    let built = project.build(&["--build-arg", "VERSION=2"])?;
    same("run again", &built.log.executed(), &vec!["RUN echo 2 > /version"])?;
    same("content", &built.image.tree()?.text("/version"), &Some("2\n"))?;
    let built = project.build(&["--build-arg", "VERSION=1"])?;
    same("run again", &built.log.executed(), &Vec::new())
}

fn no_cache() -> Outcome {
    let project = project()?;
    let first = project.build(&[])?;
    let second = project.build(&["--no-cache"])?;
    let runs = |built: &crate::project::Built| {
        built.log.executed().iter().filter(|it| it.starts_with("RUN")).count()
    };
    same("runs", &runs(&second), &runs(&first))
}

fn mode_counts() -> Outcome {
    use std::os::unix::fs::PermissionsExt;
    let project = project()?;
    let path = project.context().join("late/a.txt");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
    project.build(&[])?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    let built = project.build(&[])?;
    same("copied again", &built.log.executed().contains(&"COPY late /late"), &true)
}
