//! `RUN --mount=type=ssh`: a socket of the command's own in front of the user's agent.
//!
//! The agent's own socket would not do: it has the owner and mode that the user gave it, and agents refuse callers with
//! another user id than their own.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::net::Shutdown;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use compiler::op::MountOwner;
use store::Folder;

/// Forwards connections as long as it lives.
#[derive(Debug)]
pub(super) struct Forward {
    folder: Folder,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Forward {
    /// Listens in `folder` for whom `owner` says.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub(super) fn new(folder: Folder, agent: &Path, owner: MountOwner) -> io::Result<Forward> {
        let mut forward = Forward { folder, stop: Arc::default(), thread: None };
        // Whoever else is on this machine comes no further than this folder, whatever the mode of the socket.
        let path = forward.socket();
        let inside = path.parent().expect("the socket is in a folder");
        DirBuilder::new().mode(0o700).create(inside)?;
        // By this name, since that of a store may be longer than the name of a socket can be.
        let handle = File::open(inside)?;
        let name = format!("/proc/self/fd/{}/agent", handle.as_raw_fd());
        let listener = UnixListener::bind(name)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(owner.mode & 0o777))?;
        chown(&path, Some(owner.uid), Some(owner.gid))?;
        let (stop, agent) = (Arc::clone(&forward.stop), agent.to_owned());
        let thread = std::thread::Builder::new()
            .name("ssh agent".into())
            .spawn(move || serve(&listener, &agent, &stop))?;
        forward.thread = Some(thread);
        Ok(forward)
    }

    /// What to mount.
    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join("ssh").join("agent")
    }

    fn wake(&self) -> io::Result<UnixStream> {
        let handle = File::open(self.folder.path().join("ssh"))?;
        UnixStream::connect(format!("/proc/self/fd/{}/agent", handle.as_raw_fd()))
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // Connecting ends the wait of the thread; where that does not work, it stays until the process ends.
        if let (Ok(_), Some(thread)) = (self.wake(), self.thread.take()) {
            let _ = thread.join();
        }
    }
}

fn serve(listener: &UnixListener, agent: &Path, stop: &AtomicBool) {
    for client in listener.incoming() {
        if stop.load(Ordering::Acquire) {
            return;
        }
        // A client whose agent does not answer is hung up on.
        if let (Ok(client), Ok(agent)) = (client, UnixStream::connect(agent)) {
            let _ = connect(client, agent);
        }
    }
}

/// Copies in both directions, until both sides have hung up.
fn connect(client: UnixStream, agent: UnixStream) -> io::Result<()> {
    let (mut from_client, mut to_agent) = (client.try_clone()?, agent.try_clone()?);
    let (mut from_agent, mut to_client) = (agent, client);
    let builder = || std::thread::Builder::new().name("ssh agent".into());
    builder().spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_agent);
        let _ = to_agent.shutdown(Shutdown::Write);
    })?;
    builder().spawn(move || {
        let _ = io::copy(&mut from_agent, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::fs::MetadataExt;

    use store::Store;

    use super::*;

    #[test]
    fn forwards_with_its_own_owner_and_mode() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(&home.path().join("x".repeat(120))).unwrap();
        let own = fs::metadata(home.path()).unwrap();
        let path = home.path().join("agent");
        let agent = UnixListener::bind(&path).unwrap();
        let answer = std::thread::spawn(move || {
            let (mut client, _) = agent.accept().unwrap();
            let mut question = String::new();
            client.read_to_string(&mut question).unwrap();
            client.write_all(format!("{question}!").as_bytes()).unwrap();
        });
        let owner = MountOwner { uid: own.uid(), gid: own.gid(), mode: 0o640 };
        let forward = Forward::new(store.new_folder().unwrap(), &path, owner).unwrap();
        let mode = fs::metadata(forward.socket()).unwrap().mode() & 0o777;
        let around = fs::metadata(forward.socket().parent().unwrap()).unwrap().mode() & 0o777;
        assert_eq!((mode, around), (0o640, 0o700));
        let mut client = forward.wake().unwrap();
        client.write_all(b"hello").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut heard = String::new();
        client.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "hello!");
        answer.join().unwrap();
        let folder = forward.folder.path().to_owned();
        drop(forward);
        assert!(!folder.exists());
    }
}
