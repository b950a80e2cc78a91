//! Enters the user namespace of an ordinary user and executes a program there: `enter PROGRAM [ARGUMENT...]`.

use std::error::Error;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::{env, io};

fn main() -> Result<(), Box<dyn Error>> {
    sandbox::userns::enter_if_needed()?;
    let mut arguments = env::args_os().skip(1);
    let program = arguments.next().ok_or_else(|| io::Error::other("which program?"))?;
    Err(Command::new(program).args(arguments).exec().into())
}
