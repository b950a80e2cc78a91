//! As much of tar as benchmarks need: writing plain members, and reading what builders write.

use std::io::{self, Read, Write};

const BLOCK: usize = 512;
/// The time of everything that is written.
const TIME: u64 = 1_700_000_000;
/// Headers that describe the next member are never longer.
const HEADER_LIMIT: u64 = 1 << 20;

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    Link,
    Other,
}

/// Writes a member. Names are shorter than 100 bytes; `body` is a link's target.
pub(super) fn write(
    out: &mut dyn Write,
    name: &str,
    kind: Kind,
    mode: u32,
    body: &[u8],
) -> io::Result<()> {
    if 100 < name.len() {
        return Err(io::Error::other(format!("a long name: {name}")));
    }
    let mut header = [0_u8; BLOCK];
    let size = if kind == Kind::File { body.len() } else { 0 };
    let mut field = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
    field(0, name.as_bytes());
    field(100, format!("{mode:07o}").as_bytes());
    field(108, b"0000000");
    field(116, b"0000000");
    field(124, format!("{size:011o}").as_bytes());
    field(136, format!("{TIME:011o}").as_bytes());
    field(148, b"        ");
    field(
        156,
        if kind == Kind::File {
            b"0"
        } else if kind == Kind::Folder {
            b"5"
        } else {
            b"2"
        },
    );
    if kind == Kind::Link {
        field(157, body);
    }
    field(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    out.write_all(&header)?;
    if kind == Kind::File {
        out.write_all(body)?;
        out.write_all(&[0; BLOCK][..padding(size as u64)])?;
    }
    Ok(())
}

/// Ends an archive.
pub(super) fn finish(out: &mut dyn Write) -> io::Result<()> {
    out.write_all(&[0; 2 * BLOCK])
}

fn padding(size: u64) -> usize {
    (BLOCK - (size % BLOCK as u64) as usize) % BLOCK
}

/// A member, as it is read.
#[derive(Debug)]
pub(super) struct Member {
    /// Without `./` before and `/` behind.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) size: u64,
    /// Where its contents begin in the archive.
    pub(super) offset: u64,
}

/// Reads an archive from its beginning to its end.
pub(super) struct Reader<R> {
    source: R,
    position: u64,
    /// Bytes of the member that was given, padding included, that have not been read.
    left: u64,
    padding: u64,
}

impl<R: Read> Reader<R> {
    pub(super) fn new(source: R) -> Reader<R> {
        Reader { source, position: 0, left: 0, padding: 0 }
    }

    /// What stands behind the members.
    pub(super) fn into_inner(self) -> R {
        self.source
    }

    /// The next member; headers that only describe another are read, not given.
    pub(super) fn next(&mut self) -> io::Result<Option<Member>> {
        let (mut long, mut long_size) = (None, None);
        loop {
            self.skip()?;
            let mut header = [0_u8; BLOCK];
            match self.source.read_exact(&mut header) {
                Err(end) if end.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                done => done?,
            }
            self.position += BLOCK as u64;
            if header.iter().all(|byte| *byte == 0) {
                return Ok(None);
            }
            let size = long_size.unwrap_or(number(&header[124..136])?);
            self.left = size;
            self.padding = padding(size) as u64;
            match header[156] {
                b'L' => long = Some(text(&self.limited()?)),
                b'x' => {
                    for (key, value) in records(&self.limited()?) {
                        match key.as_str() {
                            "path" => long = Some(value),
                            "size" => long_size = value.parse().ok(),
                            _ => {}
                        }
                    }
                }
                b'K' | b'g' => {}
                kind => {
                    let name = long.take().unwrap_or_else(|| plain_name(&header));
                    let name = name.trim_start_matches("./").trim_end_matches('/').to_owned();
                    let kind = match kind {
                        b'0' | 0 | b'7' => Kind::File,
                        b'5' => Kind::Folder,
                        b'2' => Kind::Link,
                        _ => Kind::Other,
                    };
                    return Ok(Some(Member { name, kind, size, offset: self.position }));
                }
            }
        }
    }

    /// The contents of the member that was given last.
    pub(super) fn contents(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.left).unwrap_or(0).min(1 << 24));
        let read = self.source.by_ref().take(self.left).read_to_end(&mut bytes)? as u64;
        if read < self.left {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.position += read;
        self.left = 0;
        Ok(bytes)
    }

    fn limited(&mut self) -> io::Result<Vec<u8>> {
        if HEADER_LIMIT < self.left {
            return Err(io::Error::other("a header of more than a megabyte"));
        }
        self.contents()
    }

    fn skip(&mut self) -> io::Result<()> {
        let rest = self.left + self.padding;
        let read = io::copy(&mut self.source.by_ref().take(rest), &mut io::sink())?;
        self.position += read;
        (self.left, self.padding) = (0, 0);
        if read < rest { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

fn number(field: &[u8]) -> io::Result<u64> {
    if field[0] & 0x80 != 0 {
        // Base 256, for large files.
        return Ok(field[4..].iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte)));
    }
    let digits = text(field);
    let digits = digits.trim();
    if digits.is_empty() {
        return Ok(0);
    }
    u64::from_str_radix(digits, 8).map_err(|_| io::Error::other(format!("no number: {digits:?}")))
}

fn plain_name(header: &[u8; BLOCK]) -> String {
    let prefix =
        if header[257..262] == *b"ustar" { text(&header[345..500]) } else { String::new() };
    let name = text(&header[..100]);
    if prefix.is_empty() || header[257..265] == *b"ustar  \0" {
        name
    } else {
        format!("{prefix}/{name}")
    }
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// The records of an extended header: `LENGTH KEY=VALUE\n`.
fn records(mut bytes: &[u8]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    while let Some(space) = bytes.iter().position(|byte| *byte == b' ') {
        let length = String::from_utf8_lossy(&bytes[..space]).parse().unwrap_or(0);
        if length <= space + 1 || bytes.len() < length {
            break;
        }
        let record = String::from_utf8_lossy(&bytes[space + 1..length - 1]).into_owned();
        if let Some((key, value)) = record.split_once('=') {
            found.push((key.to_owned(), value.to_owned()));
        }
        bytes = &bytes[length..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut tar = Vec::new();
        write(&mut tar, "a", Kind::Folder, 0o755, b"").unwrap();
        write(&mut tar, "a/b", Kind::File, 0o644, &[7; 700]).unwrap();
        write(&mut tar, "a/c", Kind::Link, 0o777, b"b").unwrap();
        finish(&mut tar).unwrap();
        let mut reader = Reader::new(&tar[..]);
        let folder = reader.next().unwrap().unwrap();
        assert_eq!((folder.name.as_str(), folder.kind), ("a", Kind::Folder));
        let file = reader.next().unwrap().unwrap();
        assert_eq!((file.size, file.offset), (700, 1024));
        assert_eq!(reader.contents().unwrap(), [7; 700]);
        assert_eq!(reader.next().unwrap().unwrap().kind, Kind::Link);
        assert!(reader.next().unwrap().is_none());
    }

    #[test]
    fn extended_headers_give_names() {
        let record = b"22 path=a/long/name\xc3\xa9\n";
        assert_eq!(records(record), [("path".to_owned(), "a/long/nameé".to_owned())]);
    }
}
