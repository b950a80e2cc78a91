//! The tar format as layers use it: reading what others wrote, however hostile, and writing our own, deterministic.
//!
//! The `tar` crate knows the fields of a header; walking the stream is done here, because extension headers must be
//! bounded and contents must stream.

mod reader;
mod writer;

pub use reader::{Limits, Member, MemberKind, TarError, TarReader};
pub(crate) use writer::TarWriter;

/// Headers and contents start at multiples of this.
const BLOCK: usize = 512;

/// How many bytes follow a content of `size` bytes until the next block.
fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK as u64
}
