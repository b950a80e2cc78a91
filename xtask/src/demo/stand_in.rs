//! A stand-in for a Python base image, from Debian packages: a small Debian with Python 3, its pip, and
//! `python` on the `PATH`. The root file system is made by mmdebstrap, the image by dfc.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{BASE, Demo, at};
use crate::process::{self, run};
use crate::{Outcome, tools};

const PACKAGES: &str = "python3,python3-pip,python-is-python3,ca-certificates";
const DOCKERFILE: &str = "\
FROM scratch
ADD rootfs.tar /
ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
ENV LANG=C.UTF-8
CMD [\"python3\"]
";

/// Makes the stand-in, and tags it as the base.
pub(super) fn make(demo: &Demo) -> Outcome {
    let context = demo.work("stand-in")?;
    let tar = context.join("rootfs.tar");
    if !tar.exists() {
        root_file_system(&tar)?;
    }
    let dockerfile = context.join("Dockerfile");
    fs::write(&dockerfile, DOCKERFILE).map_err(|problem| at(&dockerfile, &problem))?;
    run(demo.dfc(["build", "-t", BASE]).arg(&context))
}

fn root_file_system(tar: &Path) -> Outcome {
    if !tools::install(tools::FOR_STAND_IN) {
        return Err(format!("the stand-in for {BASE} is made by mmdebstrap, which is not here"));
    }
    // Under another name until it is whole.
    let part = tar.with_extension("part.tar");
    let mmdebstrap = process::find("mmdebstrap").unwrap_or_else(|| "mmdebstrap".into());
    let mut command = Command::new(mmdebstrap);
    command.args(["--quiet", "--variant=minbase", "--include", PACKAGES]);
    // An image has no use for device nodes, and an ordinary user cannot lay them out.
    command.arg("--skip=output/dev");
    // The image is for one program: pip may install where the system's packages are.
    command.arg(r#"--customize-hook=rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED"#);
    if Path::new("/usr/local/share/ca-certificates").is_dir() {
        // What this machine trusts in addition (a proxy's certificate) the image must trust, too.
        // Debian's pip looks at the system's certificates.
        command.arg(
            r#"--customize-hook=cp -RT /usr/local/share/ca-certificates "$1"/usr/local/share/ca-certificates"#,
        );
        command.arg(r#"--customize-hook=chroot "$1" update-ca-certificates"#);
    }
    command.args([&suite(), part.as_os_str().to_string_lossy().as_ref()]);
    run(&mut command)?;
    fs::rename(&part, tar).map_err(|problem| at(&part, &problem))
}

/// The release of Debian (or a descendant) that this machine runs, else the stable one.
fn suite() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    name.map_or_else(|| "stable".to_owned(), |name| name.trim_matches('"').to_owned())
}
