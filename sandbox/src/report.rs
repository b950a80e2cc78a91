//! What the child tells its parent before it becomes the command: the stubs it made, and the step that failed.
//!
//! ```text
//! F position:u32 errno:i32 length:u16 words      S 4 x i64 (times of the parent folder) length:u16 path
//! ```
//!
//! The pipe closes by itself when the command executes; then all went well.

use std::os::fd::BorrowedFd;

use rustix::io::Errno;

/// What the child told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// In the order in which they were made, parents first.
    pub(crate) stubs: Vec<Stub>,
    /// Why the command does not run.
    pub(crate) failure: Option<Failure>,
}

/// A folder or file that was made for a mount to be placed on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stub {
    /// Path in the root, without a leading slash, free of links.
    pub(crate) path: Vec<u8>,
    /// When the folder it is in was changed last, before the stub: seconds and nanoseconds.
    pub(crate) parent_before: (i64, i64),
    /// The same with the stub.
    pub(crate) parent_after: (i64, i64),
}

/// A step that failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Which.
    pub(crate) position: usize,
    /// As a number.
    pub(crate) errno: i32,
    /// What the file system said; may be empty.
    pub(crate) words: String,
}

const FAILURE: u8 = b'F';
const STUB: u8 = b'S';

/// Tells of a failure; for the child, and so without allocation.
pub(crate) fn tell_failure(pipe: BorrowedFd<'_>, position: usize, errno: Errno, words: &[u8]) {
    let mut record = Record::new(FAILURE);
    record.add(&(position as u32).to_le_bytes());
    record.add(&errno.raw_os_error().to_le_bytes());
    record.add_text(words);
    // There is nobody else to tell if this fails.
    let _ = rustix::io::write(pipe, record.bytes());
}

/// Tells of a stub; for the child, and so without allocation.
pub(crate) fn tell_stub(pipe: BorrowedFd<'_>, path: &[u8], times: [i64; 4]) -> Result<(), Errno> {
    let mut record = Record::new(STUB);
    for time in times {
        record.add(&time.to_le_bytes());
    }
    record.add_text(path);
    rustix::io::write(pipe, record.bytes()).map(drop)
}

/// Understands all that came through the pipe.
pub(crate) fn parse(mut bytes: &[u8]) -> Report {
    let mut report = Report::default();
    while let Some((kind, rest)) = bytes.split_first() {
        bytes = rest;
        let complete = match *kind {
            FAILURE => parse_failure(&mut bytes).map(|failure| report.failure = Some(failure)),
            STUB => parse_stub(&mut bytes).map(|stub| report.stubs.push(stub)),
            _ => None,
        };
        if complete.is_none() {
            break;
        }
    }
    report
}

fn parse_failure(bytes: &mut &[u8]) -> Option<Failure> {
    let position = u32::from_le_bytes(take(bytes)?) as usize;
    let errno = i32::from_le_bytes(take(bytes)?);
    let words = String::from_utf8_lossy(&take_text(bytes)?).trim().to_owned();
    Some(Failure { position, errno, words })
}

fn parse_stub(bytes: &mut &[u8]) -> Option<Stub> {
    let mut time = || Some(i64::from_le_bytes(take(bytes)?));
    let (parent_before, parent_after) = ((time()?, time()?), (time()?, time()?));
    Some(Stub { path: take_text(bytes)?, parent_before, parent_after })
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (value, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*value)
}

fn take_text(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    let length = usize::from(u16::from_le_bytes(take(bytes)?));
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(text.to_vec())
}

/// One message in a buffer of fixed size: longer than the longest path and all that goes before it.
struct Record {
    buffer: [u8; 4200],
    length: usize,
}

impl Record {
    fn new(kind: u8) -> Self {
        let mut record = Self { buffer: [0; 4200], length: 0 };
        record.add(&[kind]);
        record
    }

    fn add(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        if let Some(place) = self.buffer.get_mut(self.length..end) {
            place.copy_from_slice(bytes);
            self.length = end;
        }
    }

    fn add_text(&mut self, text: &[u8]) {
        self.add(&(text.len() as u16).to_le_bytes());
        self.add(text);
    }

    fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn what_is_told_is_understood() {
        let (mut read, write) = std::io::pipe().unwrap();
        let long = vec![b'x'; 4096];
        tell_stub(write.as_fd(), b"a/b", [1, 2, -3, 4]).unwrap();
        tell_stub(write.as_fd(), &long, [0; 4]).unwrap();
        tell_failure(write.as_fd(), 7, Errno::PERM, b"e overlay: no\n");
        drop(write);
        let mut bytes = Vec::new();
        read.read_to_end(&mut bytes).unwrap();
        let report = parse(&bytes);
        assert_eq!(
            report.stubs[0],
            Stub { path: b"a/b".to_vec(), parent_before: (1, 2), parent_after: (-3, 4) }
        );
        assert_eq!(report.stubs[1].path, long);
        assert_eq!(
            report.failure,
            Some(Failure { position: 7, errno: 1, words: "e overlay: no".into() })
        );
        assert_eq!(parse(&bytes[..bytes.len() - 1]).failure, None, "half a message is none");
        assert_eq!(parse(b""), Report::default());
    }
}
