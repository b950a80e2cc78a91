//! Downloads for ADD and contexts. Each runs in a thread of its own, so that it can be left alone at once when the
//! build is stopped, however silent the other side is.

use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use executor::{Cancel, Download, DownloadSink, Downloaded, Downloads, OutsideError};
use registry::{FileAsk, FileReply, RegistryError};

use super::{Remote, RemoteError};

/// What a thread that brings bytes tells.
pub(crate) enum Part<T> {
    /// So many come, if that is known.
    Size(Option<u64>),
    /// Here are some.
    Bytes(Vec<u8>),
    /// There are no more.
    End(T),
}

/// Chunks that may wait to be taken.
const WAITING: usize = 16;

impl Downloads for Remote {
    fn is_offline(&self) -> bool {
        self.is_offline
    }

    fn get(
        &self,
        ask: &Download<'_>,
        to: &mut dyn DownloadSink,
    ) -> Result<Downloaded, OutsideError> {
        let client = self.client_for(|| ask.url.to_string()).map_err(|error| outside(&error))?;
        let url = ask.url.as_str().to_owned();
        let validator = ask.validator.map(str::to_owned);
        let authorization = ask.authorization.map(str::to_owned);
        let limit = ask.limit;
        let stop = self.cancel.clone();
        let bring = move |parts: &SyncSender<Part<Result<FileReply, RegistryError>>>| {
            let ask = FileAsk {
                url: &url,
                validator: validator.as_deref(),
                authorization: authorization.as_deref(),
                limit,
            };
            let mut begin = |size| drop(parts.send(Part::Size(size)));
            client.get_file(&ask, &mut begin, &mut Parts(parts), &Watch { stop })
        };
        let reply = bring_to(&self.cancel, bring, to)?.map_err(|error| outside(&error.into()))?;
        Ok(Downloaded {
            not_modified: reply.not_modified,
            last_modified: reply.last_modified,
            validator: reply.validator,
        })
    }
}

/// Takes what `bring` brings, in a thread of its own that nobody waits for if the build is stopped.
///
/// # Errors
/// The build is stopped, or the bytes cannot be taken.
pub(crate) fn bring_to<T: Send + 'static>(
    cancel: &Cancel,
    bring: impl FnOnce(&SyncSender<Part<T>>) -> T + Send + 'static,
    to: &mut dyn DownloadSink,
) -> Result<T, OutsideError> {
    let (sender, receiver) = mpsc::sync_channel(WAITING);
    std::thread::spawn(move || {
        let end = bring(&sender);
        // Nobody may be there any more.
        drop(sender.send(Part::End(end)));
    });
    take(cancel, &receiver, to)
}

fn take<T>(
    cancel: &Cancel,
    parts: &Receiver<Part<T>>,
    to: &mut dyn DownloadSink,
) -> Result<T, OutsideError> {
    let plain = |message: String| OutsideError { message, help: None };
    let written = |error: io::Error| plain(format!("cannot keep what is downloaded: {error}"));
    loop {
        if cancel.is_cancelled() {
            return Err(plain("the build was stopped".into()));
        }
        match parts.recv_timeout(Duration::from_millis(50)) {
            Ok(Part::Size(size)) => to.begin(size).map_err(written)?,
            Ok(Part::Bytes(bytes)) => to.write_all(&bytes).map_err(written)?,
            Ok(Part::End(end)) => return Ok(end),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(plain("a download ended without a word".into()));
            }
        }
    }
}

/// Writes into the channel.
pub(crate) struct Parts<'a, T>(pub(crate) &'a SyncSender<Part<T>>);

impl<T> Write for Parts<'_, T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.send(Part::Bytes(bytes.to_vec()));
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Watch {
    stop: Cancel,
}

impl registry::Progress for Watch {
    fn is_cancelled(&self) -> bool {
        self.stop.is_cancelled()
    }
}

fn outside(error: &RemoteError) -> OutsideError {
    let help = match error {
        RemoteError::Registry(RegistryError::Status { status: 401 | 403, host, .. }) => {
            let host = host.split(':').next().unwrap_or_default();
            Some(format!("give a token with --secret id=HTTP_AUTH_TOKEN_{host},env=NAME"))
        }
        RemoteError::Registry(_)
        | RemoteError::Offline(_)
        | RemoteError::Conf(_)
        | RemoteError::Settings { .. }
        | RemoteError::Credentials { .. } => None,
    };
    OutsideError { message: error.to_string(), help }
}
