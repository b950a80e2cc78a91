//! The system calls that rustix does not offer: the only file with `unsafe`.
//!
//! Each function is safe to call. Those that are meant for the child between clone and exec allocate nothing.

#![expect(unsafe_code, reason = "raw system calls; every block says why it is sound")]

use std::ffi::{CStr, CString, c_char, c_int, c_long};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use libc::sock_filter;
use rustix::io::Errno;

/// Makes a child process in new namespaces and runs `child` in it; the child exits when `child` returns.
///
/// `child` runs in a copy of this process that has one thread: another thread's lock stays taken there for good, so it
/// must not allocate. All signals are blocked in it, so that no handler of this program runs in the copy.
pub(crate) fn clone_into_namespaces(
    namespaces: u64,
    child: &mut dyn FnMut(),
) -> io::Result<OwnedFd> {
    let mut pidfd: c_int = -1;
    let arguments = libc::clone_args {
        flags: namespaces | libc::CLONE_PIDFD as u64,
        pidfd: (&raw mut pidfd) as u64,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: libc::SIGCHLD as u64,
        stack: 0,
        stack_size: 0,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup: 0,
    };
    let before = block_signals();
    // SAFETY: without CLONE_VM the child has its own copy of all memory and goes on with this very stack, as after fork;
    // the arguments are a valid struct of the size that is given, and outlive the call.
    let result =
        unsafe { libc::syscall(libc::SYS_clone3, &raw const arguments, size_of_val(&arguments)) };
    if result == 0 {
        child();
        exit_now(125);
    }
    let error = io::Error::last_os_error();
    restore_signals(&before);
    if result < 0 {
        return Err(error);
    }
    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(pidfd) })
}

/// Forks a helper of a program that has one thread; returns its process id.
pub(crate) fn fork_helper(child: &mut dyn FnMut() -> i32) -> io::Result<rustix::process::Pid> {
    // SAFETY: the callers make sure that there is one thread, so that the copy is complete and may do anything.
    let pid = unsafe { libc::fork() };
    match rustix::process::Pid::from_raw(pid) {
        Some(pid) if 0 < pid.as_raw_nonzero().get() => Ok(pid),
        Some(_) => Err(io::Error::last_os_error()),
        None => exit_now(child()),
    }
}

/// Ends the process at once: no destructors, no buffers.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: `_exit` is always sound.
    unsafe { libc::_exit(code) }
}

fn block_signals() -> libc::sigset_t {
    // SAFETY: a signal set is plain bits, for which zero is valid; both pointers are to locals.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, &raw mut before);
        before
    }
}

fn restore_signals(before: &libc::sigset_t) {
    // SAFETY: the set was filled in by `block_signals`.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before, std::ptr::null_mut()) };
}

/// Gives every signal its default action, and lets them through again.
pub(crate) fn default_signals() {
    // SAFETY: zero is the default action with an empty mask; numbers that are no signals or cannot be changed are refused.
    unsafe {
        let action: libc::sigaction = std::mem::zeroed();
        for signal in 1..=64 {
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// Strings as `execve` takes them: a list of pointers that ends with null.
#[derive(Debug)]
pub(crate) struct StringList {
    /// What `pointers` point to.
    _strings: Vec<CString>,
    pointers: Vec<*const c_char>,
}

impl StringList {
    /// Takes the strings; their buffers stay where they are however the list is moved.
    pub(crate) fn new(strings: Vec<CString>) -> Self {
        let pointers = strings.iter().map(|it| it.as_ptr()).chain([std::ptr::null()]).collect();
        Self { _strings: strings, pointers }
    }
}

/// Replaces the program of this process; returns only if that fails.
pub(crate) fn execute(program: &CStr, arguments: &StringList, environment: &StringList) -> Errno {
    // SAFETY: both lists end with null and point to strings that they own.
    unsafe {
        libc::execve(program.as_ptr(), arguments.pointers.as_ptr(), environment.pointers.as_ptr())
    };
    last_errno()
}

/// Puts the process, and what it starts, under a filter of system calls.
pub(crate) fn install_filter(program: &[sock_filter]) -> Result<(), Errno> {
    let program = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(|_| Errno::INVAL)?,
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: the kernel copies the program and only reads it.
    check(unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW,
            &raw const program,
        )
    })
}

/// Adds attributes (`MOUNT_ATTR_…`) to the mount at `fd`, and to those below it if `recursive`.
pub(crate) fn add_mount_attributes(
    fd: BorrowedFd<'_>,
    attributes: u64,
    recursive: bool,
) -> Result<(), Errno> {
    let change =
        libc::mount_attr { attr_set: attributes, attr_clr: 0, propagation: 0, userns_fd: 0 };
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is an empty string, the struct is valid and of the size that is given.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            fd.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const change,
            size_of_val(&change),
        )
    })
}

/// Closes everything but standard input, output, errors and `keep`, which is sorted.
///
/// For the child, which owns nothing that it would still use.
pub(crate) fn close_all_but(keep: &[RawFd]) -> Result<(), Errno> {
    let mut first: RawFd = 3;
    for fd in keep {
        if first < *fd {
            close_range(first, fd - 1)?;
        }
        first = first.max(fd + 1);
    }
    close_range(first, RawFd::MAX)
}

fn close_range(first: RawFd, last: RawFd) -> Result<(), Errno> {
    // SAFETY: the child never returns to code that owns one of these descriptors.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) })
}

/// Leaves the keys of the caller's session behind.
pub(crate) fn new_session_keyring() -> Result<(), Errno> {
    const KEYCTL_JOIN_SESSION_KEYRING: c_int = 1;
    // SAFETY: a null name asks for an anonymous keyring.
    check(unsafe { libc::syscall(libc::SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0) })
}

/// Switches the loopback interface of the network namespace on.
pub(crate) fn loopback_up() -> Result<(), Errno> {
    let socket = rustix::net::socket_with(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::DGRAM,
        rustix::net::SocketFlags::CLOEXEC,
        None,
    )?;
    // SAFETY: zero is valid for the request, whose name ends with a zero byte; the kernel reads the flags only.
    unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l' as c_char;
        request.ifr_name[1] = b'o' as c_char;
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as i16;
        check(c_long::from(libc::ioctl(
            socket.as_fd().as_raw_fd(),
            libc::SIOCSIFFLAGS as _,
            &raw const request,
        )))
    }
}

/// Separates this process (which has one thread) from the namespaces that it shares with others.
pub(crate) fn unshare(namespaces: c_int) -> Result<(), Errno> {
    // SAFETY: namespaces do not touch memory; descriptors stay shared, since CLONE_FILES is not asked for.
    check(c_long::from(unsafe { libc::unshare(namespaces & !libc::CLONE_FILES) }))
}

fn check(result: c_long) -> Result<(), Errno> {
    if result < 0 { Err(last_errno()) } else { Ok(()) }
}

fn last_errno() -> Errno {
    Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::INVAL)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::ffi::OsStrExt;

    use rustix::process::{WaitId, WaitIdOptions, waitid};

    use super::*;

    /// Runs `child` in a process without any new namespace and returns its exit code.
    fn in_child(child: &mut dyn FnMut()) -> i32 {
        let pidfd = clone_into_namespaces(0, child).unwrap();
        let status = waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED).unwrap().unwrap();
        status.exit_status().unwrap()
    }

    #[test]
    fn a_child_runs_the_closure_and_exits() {
        let mut seen = 1;
        assert_eq!(in_child(&mut || seen += 1), 125);
        assert_eq!(seen, 1, "the child has a copy of the memory");
        assert_eq!(in_child(&mut || exit_now(7)), 7);
    }

    #[test]
    fn execute_replaces_the_program_or_says_why_not() {
        let list = |words: &[&str]| {
            StringList::new(words.iter().map(|it| CString::new(*it).unwrap()).collect())
        };
        let (arguments, environment) = (list(&["sh", "-c", "exit $CODE"]), list(&["CODE=9"]));
        assert_eq!(in_child(&mut || _ = execute(c"/bin/sh", &arguments, &environment)), 9);
        assert_eq!(execute(c"/nonexistent/program", &arguments, &environment), Errno::NOENT);
    }

    #[test]
    fn descriptors_are_closed_but_for_those_to_keep() {
        let (mut read, write) = std::io::pipe().unwrap();
        let (_other, lost) = std::io::pipe().unwrap();
        let mut child = || {
            let closed = close_all_but(&[write.as_raw_fd()]).is_ok()
                && rustix::io::write(&lost, b"x").is_err();
            let _ = (&write).write_all(if closed { b"yes" } else { b"no" });
        };
        in_child(&mut child);
        drop(write);
        let mut said = Vec::new();
        read.read_to_end(&mut said).unwrap();
        assert_eq!(std::ffi::OsStr::from_bytes(&said), "yes");
    }

    #[test]
    fn a_filter_that_is_too_long_is_refused_here() {
        let endless = vec![sock_filter { code: 6, jt: 0, jf: 0, k: 0 }; 70_000];
        assert_eq!(install_filter(&endless), Err(Errno::INVAL));
    }
}
