//! Programs of the machine that tests and demo use, and the Debian packages that hold them.

use std::process::Command;

use crate::process;

/// A program and the package that brings it.
#[derive(Clone, Copy)]
pub(crate) struct Tool {
    program: &'static str,
    package: &'static str,
}

/// What the tests can use; a test that misses its program says that it skips.
pub(crate) const FOR_TESTS: &[Tool] = &[
    Tool { program: "busybox", package: "busybox-static" },
    Tool { program: "newuidmap", package: "uidmap" },
    Tool { program: "nvim", package: "neovim" },
    Tool { program: "skopeo", package: "skopeo" },
    Tool { program: "umoci", package: "umoci" },
    Tool { program: "podman", package: "podman" },
    Tool { program: "dockerd", package: "docker.io" },
    Tool { program: "bzip2", package: "bzip2" },
    Tool { program: "xz", package: "xz-utils" },
    Tool { program: "zstd", package: "zstd" },
    Tool { program: "docker-registry", package: "docker-registry" },
    Tool { program: "openssl", package: "openssl" },
    Tool { program: "script", package: "bsdutils" },
    Tool { program: "git", package: "git" },
    Tool { program: "shellcheck", package: "shellcheck" },
    Tool { program: "node", package: "nodejs" },
    Tool { program: "npm", package: "npm" },
];

/// What the benchmarks' base images are made from, and what reads archives of other builders.
pub(crate) const FOR_BENCHMARKS: &[Tool] = &[
    Tool { program: "busybox", package: "busybox-static" },
    Tool { program: "zstd", package: "zstd" },
];

/// What makes a base image from Debian packages.
pub(crate) const FOR_STAND_IN: &[Tool] = &[Tool { program: "mmdebstrap", package: "mmdebstrap" }];

/// Installs the packages of the programs that are missing, as far as this user may; says what it could
/// not do, and gives whether all programs are there.
pub(crate) fn install(tools: &[Tool]) -> bool {
    let packages = missing(tools);
    if packages.is_empty() {
        return true;
    }
    let list = packages.join(" ");
    if process::find("apt-get").is_none() {
        println!("Missing programs, in Debian's packages: {list}.");
        return false;
    }
    if !process::is_root() {
        println!("Missing packages; as root they would be installed. The command is:");
        println!("    sudo apt-get install -y --no-install-recommends {list}");
        return false;
    }
    println!("Installing {list}.");
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.arg("-qq").args(args).env("DEBIAN_FRONTEND", "noninteractive");
        process::run(&mut command)
    };
    // A list of packages that is a little old may still do, so this one may fail.
    if let Err(problem) = apt(&["update"]) {
        println!("{problem}");
    }
    let install = ["install", "-y", "--no-install-recommends"];
    if apt(&[&install[..], &packages].concat()).is_err() {
        // A release may lack one of them: that must not keep the others away.
        for package in packages {
            if let Err(problem) = apt(&[&install[..], &[package]].concat()) {
                println!("{problem}");
            }
        }
    }
    missing(tools).is_empty()
}

fn missing(tools: &[Tool]) -> Vec<&'static str> {
    let absent = tools.iter().filter(|tool| process::find(tool.program).is_none());
    absent.map(|tool| tool.package).collect()
}
