//! Runs a command over a folder, changes going to another: `shell FOLDER CHANGES COMMAND [ARGUMENT...]`.

use std::error::Error;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs};

use sandbox::{Spec, Stdio, Tree, Upper, spawn};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    sandbox::userns::enter_if_needed()?;
    let mut arguments = env::args_os().skip(1);
    let (Some(folder), Some(changes)) = (arguments.next(), arguments.next()) else {
        return Err("which folder, and where do changes go?".into());
    };
    let changes = PathBuf::from(changes);
    let upper = Upper { folder: changes.join("fs"), work: changes.join("work") };
    fs::create_dir_all(&upper.folder)?;
    fs::create_dir_all(&upper.work)?;
    let work = upper.work.clone();
    let root = Tree::Overlay { lowers: vec![folder.into()], upper: Some(upper) };
    let mut spec = Spec::new(root, arguments.collect());
    spec.env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"]
        .map(OsString::from)
        .into();
    spec.resolv_conf = fs::read_to_string("/etc/resolv.conf").ok();
    spec.stdio = Stdio::Inherit;
    let exit = spawn(&spec)?.wait()?;
    // It is marked as not to be used again.
    fs::remove_dir_all(work)?;
    Ok(ExitCode::from(u8::try_from(exit.status.number()).unwrap_or(u8::MAX)))
}
