//! Steps that wait for nobody run at the same time. Shown by a rendezvous, not by a clock.

use std::fmt::Write as _;

use libtest_mimic::Trial;

use super::{NEEDS, same};
use crate::Outcome;
use crate::need::trial;
use crate::project::Project;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("build::parallel::six_stages_meet", NEEDS, six_stages_meet),
        trial("build::parallel::one_job_runs_one_after_another", NEEDS, one_job),
        trial("build::parallel::number_of_jobs_leaves_no_trace", NEEDS, jobs_leave_no_trace),
        trial("build::parallel::same_step_runs_once", NEEDS, same_step_runs_once),
    ]
}

/// Stages that each do `command` (in which `$N` is the stage's number), and one that copies from all.
fn stages(count: usize, command: &str) -> String {
    let mut text = String::new();
    for number in 0..count {
        let command = command.replace("$N", &number.to_string());
        let _ = writeln!(text, "FROM busybox AS s{number}\n{command}");
    }
    text.push_str("FROM scratch\n");
    for number in 0..count {
        let _ = writeln!(text, "COPY --from=s{number} /out /out{number}");
    }
    text
}

/// Each waits until all six are there; one that waits half a minute gives up.
const MEET: &str = "RUN --mount=type=cache,id=meet,target=/meet touch /meet/$N; i=0; \
                    until [ $(ls /meet | wc -l) -ge 6 ]; do \
                    i=$((i + 1)); [ $i -lt 600 ] || exit 1; sleep 0.05; done; echo $N > /out";

fn six_stages_meet() -> Outcome {
    let project = Project::new(&stages(6, MEET))?;
    let tree = project.build(&["--jobs", "6"])?.image.tree()?;
    same("last stage", &tree.text("/out5"), &Some("5\n"))?;
    // And without being told how many.
    let project = Project::new(&stages(6, MEET))?;
    project.build(&[]).map(|_| ())
}

/// A folder that cannot be made twice shows two that are inside at once.
fn one_job() -> Outcome {
    let alone = "RUN --mount=type=cache,id=alone,target=/alone \
                 mkdir /alone/inside && sleep 0.1 && rmdir /alone/inside && echo $N > /out";
    let project = Project::new(&stages(4, alone))?;
    project.build(&["--jobs", "1"]).map(|_| ())
}

fn jobs_leave_no_trace() -> Outcome {
    let text = stages(4, "RUN echo $N > /out");
    let mut digests = Vec::new();
    for jobs in ["1", "2", "8"] {
        let project = Project::new(&text)?;
        let archive = project.beside("image.tar");
        let output = format!("type=oci,dest={}", archive.display());
        let mut command = project.command(&["--jobs", jobs, "--output", &output])?;
        command.env("SOURCE_DATE_EPOCH", "1700000000");
        crate::dfc::Done::from(command.output()?).expect(0)?;
        digests.push(crate::image::Layout::read(&archive)?.digest()?);
    }
    same("image with 2 jobs", &digests[1], &digests[0])?;
    same("image with 8 jobs", &digests[2], &digests[0])
}

/// Two stages that say the same are one.
fn same_step_runs_once() -> Outcome {
    let once = "RUN --mount=type=cache,id=once,target=/once \
                echo x >> /once/count; cat /once/count > /out";
    let project = Project::new(&stages(3, once))?;
    let tree = project.build(&[])?.image.tree()?;
    same("runs", &tree.text("/out2"), &Some("x\n"))
}
