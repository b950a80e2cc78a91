//! Small files, and nodes of devices.

use std::ffi::CStr;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{self, Dev, FileType, Gid, Mode, OFlags, Uid};

use super::Done;

/// Makes a file with this content, owner and mode.
pub(super) fn make_file(
    at: BorrowedFd<'_>,
    name: &CStr,
    content: &[u8],
    owner: (u32, u32),
    mode: u32,
) -> Done {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = fs::openat(at, name, flags, Mode::from_raw_mode(0o600))?;
    write_all(&file, content)?;
    if owner != (0, 0) {
        fs::fchown(&file, Some(Uid::from_raw(owner.0)), Some(Gid::from_raw(owner.1)))?;
    }
    fs::fchmod(&file, Mode::from_raw_mode(mode))
}

/// Writes to a file that is there.
pub(super) fn write_to(path: &CStr, bytes: &[u8]) -> Done {
    let file = fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    write_all(&file, bytes)
}

fn write_all(file: &OwnedFd, mut bytes: &[u8]) -> Done {
    while !bytes.is_empty() {
        let written = rustix::io::write(file, bytes)?;
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// Makes a character device that everybody may use.
pub(super) fn make_device(at: BorrowedFd<'_>, name: &CStr, device: Dev) -> Done {
    fs::mknodat(at, name, FileType::CharacterDevice, Mode::from_raw_mode(0o666), device)
}
