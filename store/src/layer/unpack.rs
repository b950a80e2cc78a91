//! tar to index, and to files.

/// Why a tar cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// The stream failed.
    #[error("{0}")]
    Io(std::io::Error),
}
