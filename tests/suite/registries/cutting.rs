//! A way to a registry on which connections break.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use libtest_mimic::Failed;

/// Passes on what it gets, and cuts the first connections that send much.
pub(super) struct Cutting {
    address: SocketAddr,
    left: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Drop for Cutting {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

impl Cutting {
    /// Leads to `host`; so many connections are cut, each after so many bytes to there.
    pub(super) fn to(host: &str, cuts: usize, after: usize) -> Result<Cutting, Failed> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let (left, stop) = (Arc::new(AtomicUsize::new(cuts)), Arc::new(AtomicBool::new(false)));
        let way = Cutting { address, left: left.clone(), stop: stop.clone() };
        let host = host.replace("localhost", "127.0.0.1");
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let (host, left) = (host.clone(), left.clone());
                thread::spawn(move || pass(&stream, &host, after, &left));
            }
        });
        Ok(way)
    }

    /// Host and port.
    pub(super) fn host(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    /// How many are still to be cut.
    pub(super) fn left(&self) -> usize {
        self.left.load(Ordering::Relaxed)
    }
}

/// Serves a connection until one side ends it, or it is cut.
fn pass(near: &TcpStream, host: &str, after: usize, left: &AtomicUsize) -> io::Result<()> {
    let far = TcpStream::connect(host)?;
    let (mut answers, mut target) = (far.try_clone()?, near.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut answers, &mut target);
        let _ = target.shutdown(Shutdown::Both);
    });
    let (mut near, mut sink) = (near, &far);
    let mut buffer = vec![0; 64 << 10];
    let mut passed = 0;
    let take_one = |count: usize| count.checked_sub(1);
    loop {
        let count = near.read(&mut buffer)?;
        passed += count;
        let is_cut = passed > after
            && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take_one).is_ok();
        if count == 0 || is_cut {
            let _ = near.shutdown(Shutdown::Both);
            return far.shutdown(Shutdown::Both);
        }
        sink.write_all(&buffer[..count])?;
    }
}
