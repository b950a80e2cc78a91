//! How much there may be of anything: far above what people write, and low enough that any file is answered at once.
//!
//! BuildKit has one limit of its own, that of a line; what else it can take depends on the 16 MiB that one of its
//! messages may have. `docs/differences.md` lists these limits.

/// The largest Dockerfile, in bytes: 4 MiB.
pub const MAX_FILE: usize = 4 << 20;

/// The longest physical line, in bytes without its line break; the same as BuildKit's.
pub const MAX_LINE: usize = 65_535;

/// The longest instruction, in bytes, its lines joined and without heredocs: 1 MiB.
pub const MAX_INSTRUCTION: usize = 1 << 20;

/// How many instructions a file may have.
pub const MAX_INSTRUCTIONS: usize = 10_000;

/// How many words and flags all instructions of a file may have together.
pub const MAX_WORDS: usize = 100_000;

/// How many variables a word may name.
pub const MAX_VARIABLES: usize = 100_000;

/// How deep `${` may nest inside a word.
pub const MAX_NESTING: usize = 100;

/// How deep arrays and objects may nest in the JSON form. Go allows 10,000; no instruction needs more than one.
pub const MAX_JSON_NESTING: usize = 64;

/// After so many errors a file is no Dockerfile, and more would help nobody.
pub const MAX_ERRORS: usize = 200;
