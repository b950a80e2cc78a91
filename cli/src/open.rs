//! Opening the store.

use store::Store;

use crate::env::Env;
use crate::error::CliError;

/// Opens the store that the environment names. An ordinary user's dfc first becomes root of a user namespace of its
/// own, by starting itself anew inside; so this comes before threads, and before anything is printed.
///
/// # Errors
/// The namespace or the store cannot be had.
pub(crate) fn store(env: &Env) -> Result<Store, CliError> {
    sandbox::userns::enter_if_needed().map_err(|error| CliError::caused(&error))?;
    Ok(Store::open(&env.store_root()?)?)
}
