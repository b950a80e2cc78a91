//! The last step: from the child to the program that was asked for.
//!
//! Until then `/proc/self/exe` is dfc's own file on the machine. A tree in which `/bin/sh` is a link to it, or a script that
//! names it as interpreter, would run dfc with the libraries of the tree, and could then open that file for writing. So
//! a program is not reached through the links that only `/proc` has.

use std::ffi::{CStr, CString};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::{Errno, read};

use crate::sys::{self, StringList};

/// A script's interpreter may be a script; the kernel follows as many.
const DEEPEST: usize = 5;
/// As much as the kernel reads of the first line.
const FIRST_LINE: usize = 256;

/// Executes the first of the candidates that is there. Comes back with why not: of several reasons the one that says most,
/// and whether a candidate was there at all.
pub(super) fn execute_first(
    candidates: &[CString],
    arguments: &StringList,
    environment: &StringList,
) -> (Errno, bool) {
    let mut result = (Errno::NOENT, false);
    for candidate in candidates {
        let errno = match check(candidate) {
            Ok(()) => sys::execute(candidate, arguments, environment),
            Err(errno) => errno,
        };
        match errno {
            Errno::NOENT => {
                let flags = OFlags::PATH | OFlags::CLOEXEC;
                if openat2(CWD, candidate.as_c_str(), flags, Mode::empty(), ResolveFlags::empty())
                    .is_ok()
                {
                    return (Errno::NOENT, true);
                }
            }
            Errno::NOTDIR => {}
            Errno::ACCESS => result = (Errno::ACCESS, true),
            other => return (other, true),
        }
    }
    result
}

/// Refuses a program, or a script with an interpreter, that is behind a link of `/proc`.
fn check(program: &CStr) -> Result<(), Errno> {
    let mut name = [0; FIRST_LINE];
    copy_name(program.to_bytes(), &mut name);
    let mut path = program;
    for _ in 0..DEEPEST {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS) {
            Ok(file) => file,
            Err(Errno::LOOP) => return Err(Errno::LOOP),
            // Not there, or not to be read: executing it says so in the proper way.
            Err(_) => return Ok(()),
        };
        let mut line = [0; FIRST_LINE];
        let length = read(&file, &mut line).unwrap_or(0);
        let Some(interpreter) = interpreter(line.get(..length).unwrap_or_default()) else {
            return Ok(());
        };
        name = [0; FIRST_LINE];
        copy_name(interpreter, &mut name);
        path = CStr::from_bytes_until_nul(&name).map_err(|_| Errno::NAMETOOLONG)?;
    }
    Err(Errno::LOOP)
}

fn copy_name(from: &[u8], to: &mut [u8; FIRST_LINE]) {
    for (to, from) in to.iter_mut().take(FIRST_LINE - 1).zip(from) {
        *to = *from;
    }
}

/// The interpreter that the first line of a script names.
fn interpreter(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_prefix(b"#!")?;
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = line.iter().position(|byte| !is_blank(byte))?;
    let rest = line.get(start..)?;
    let end = rest.iter().position(|byte| is_blank(byte) || matches!(byte, b'\n' | 0));
    rest.get(..end.unwrap_or(rest.len()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn first_lines_are_read_as_the_kernel_does() {
        assert_eq!(interpreter(b"#! \t/bin/sh -e\n"), Some(b"/bin/sh".as_slice()));
        assert_eq!(interpreter(b"#!/bin/sh"), Some(b"/bin/sh".as_slice()));
        assert_eq!(interpreter(b"\x7fELF"), None);
    }

    #[test]
    fn the_own_file_is_not_reached_through_proc() {
        let folder = tempfile::tempdir().unwrap();
        let path =
            |name: &str| CString::new(folder.path().join(name).as_os_str().as_bytes()).unwrap();
        symlink("/proc/self/exe", folder.path().join("link")).unwrap();
        symlink("/bin/sh", folder.path().join("good")).unwrap();
        std::fs::write(folder.path().join("script"), "#!/proc/self/exe\n").unwrap();
        std::fs::write(folder.path().join("own"), format!("#!{}/own\n", folder.path().display()))
            .unwrap();
        assert_eq!(check(c"/proc/self/exe"), Err(Errno::LOOP));
        assert_eq!(check(&path("link")), Err(Errno::LOOP));
        assert_eq!(check(&path("script")), Err(Errno::LOOP));
        assert_eq!(check(&path("own")), Err(Errno::LOOP));
        assert_eq!(check(&path("good")), Ok(()));
        assert_eq!(check(&path("missing")), Ok(()));
    }
}
