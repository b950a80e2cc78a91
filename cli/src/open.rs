//! Opening the store.

use std::path::Path;

use store::{Store, StoreError};

use crate::env::Env;
use crate::error::CliError;

/// Makes an ordinary user's dfc root of a user namespace of its own, by starting it anew inside. So it comes before
/// threads, before anything is printed, and before standard input is read.
///
/// # Errors
/// The machine does not let us.
pub(crate) fn enter() -> Result<(), CliError> {
    sandbox::userns::enter_if_needed().map_err(|error| CliError::caused(&error))
}

/// Opens the store that the environment names, inside of the namespace.
///
/// # Errors
/// The namespace or the store cannot be had.
pub(crate) fn store(env: &Env) -> Result<Store, CliError> {
    with(env, Store::open)
}

/// As [`store()`], for commands that remove something: they work on a full disk, too.
///
/// # Errors
/// The namespace or the store cannot be had.
pub(crate) fn store_to_remove(env: &Env) -> Result<Store, CliError> {
    with(env, Store::open_to_remove)
}

fn with(
    env: &Env,
    open: impl FnOnce(&Path) -> Result<Store, StoreError>,
) -> Result<Store, CliError> {
    enter()?;
    let root = env.store_root()?;
    open(&root).map_err(|error| {
        let why = CliError::caused(&error);
        let help = match &error {
            StoreError::DamagedDatabase { .. } => {
                "move it away, and store.db-wal and store.db-shm with it; images are pulled and built anew"
            }
            _ => why.advice().unwrap_or("set DFC_HOME to a folder that you may write to"),
        };
        CliError::failed(format!("cannot open the store at `{}`: {why}", root.display())).help(help)
    })
}
