//! [`Queue`]: what the client has said and the server has not yet heard. Looking ahead shows which answers nobody waits
//! for any more.

use std::collections::VecDeque;
use std::time::Duration;

use lsp_server::{Connection, Message, Notification, Request, RequestId};
use lsp_types::Uri;
use lsp_types::notification::{Cancel, DidChangeTextDocument, Notification as _};
use serde_json::Value;

/// How long to wait for a message while something is being looked up.
const TICK: Duration = Duration::from_millis(40);

/// What the loop does next.
pub(crate) enum Event {
    /// The client says something.
    Message(Message),
    /// It does not want this answer any more.
    Cancelled(RequestId),
    /// What this asks about was changed since.
    Outdated(Request),
    /// Nothing is waiting: time for diagnostics, and for news.
    Idle,
    /// The client has gone.
    Gone,
}

/// How to wait for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// There is something else to do.
    No,
    /// There may be in a moment.
    Shortly,
    /// There is nothing else.
    Forever,
}

/// The messages that are waiting.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: VecDeque<Message>,
}

impl Queue {
    /// What to do next.
    pub(crate) fn next(&mut self, connection: &Connection, wait: Wait) -> Event {
        let receiver = &connection.receiver;
        self.waiting.extend(receiver.try_iter());
        if self.waiting.is_empty() {
            let received = match wait {
                Wait::No => return Event::Idle,
                Wait::Shortly => match receiver.recv_timeout(TICK) {
                    Ok(message) => Some(message),
                    Err(error) if error.is_timeout() => return Event::Idle,
                    Err(_) => None,
                },
                Wait::Forever => receiver.recv().ok(),
            };
            let Some(message) = received else { return Event::Gone };
            self.waiting.push_back(message);
            self.waiting.extend(receiver.try_iter());
        }
        match self.waiting.pop_front() {
            Some(Message::Request(request)) if self.is_cancelled(&request.id) => {
                Event::Cancelled(request.id)
            }
            Some(Message::Request(request)) if self.is_outdated(&request) => {
                Event::Outdated(request)
            }
            Some(message) => Event::Message(message),
            None => Event::Idle,
        }
    }

    fn notifications(&self) -> impl Iterator<Item = &Notification> {
        self.waiting.iter().filter_map(|message| match message {
            Message::Notification(notification) => Some(notification),
            Message::Request(_) | Message::Response(_) => None,
        })
    }

    fn is_cancelled(&self, id: &RequestId) -> bool {
        let cancels = self.notifications().filter(|it| it.method == Cancel::METHOD);
        let mut ids = cancels.filter_map(|it| {
            serde_json::from_value::<RequestId>(it.params.get("id")?.clone()).ok()
        });
        ids.any(|cancelled| cancelled == *id)
    }

    /// Whether what the client wants drawn will be asked for again, as the file has changed since.
    fn is_outdated(&self, request: &Request) -> bool {
        let draws = matches!(
            request.method.as_str(),
            "textDocument/diagnostic"
                | "textDocument/inlayHint"
                | "textDocument/semanticTokens/full"
                | "textDocument/semanticTokens/range"
                | "textDocument/semanticTokens/full/delta"
        );
        draws && self.will_change(file(&request.params))
    }

    /// Whether a change of a file is waiting.
    pub(crate) fn will_change(&self, uri: Option<&str>) -> bool {
        let mut changes =
            self.notifications().filter(|it| it.method == DidChangeTextDocument::METHOD);
        uri.is_some() && changes.any(|it| file(&it.params) == uri)
    }
}

fn file(params: &Value) -> Option<&str> {
    params.get("textDocument")?.get("uri")?.as_str()
}

/// Files whose diagnostics the client does not have yet, the one that was changed last first.
#[derive(Debug, Default)]
pub(crate) struct Stale(Vec<Uri>);

impl Stale {
    /// Something is to be said of a file.
    pub(crate) fn add(&mut self, uri: &Uri) {
        self.remove(uri);
        self.0.push(uri.clone());
    }

    /// Nothing is to be said of a file any more.
    pub(crate) fn remove(&mut self, uri: &Uri) {
        self.0.retain(|it| it != uri);
    }

    /// Takes the next one.
    pub(crate) fn take(&mut self) -> Option<Uri> {
        self.0.pop()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_nobody_waits_for_is_seen() {
        let (server, client) = Connection::memory();
        let send = |message: Message| client.sender.send(message).unwrap();
        let file = json!({ "textDocument": { "uri": "file:///D" } });
        let ask = |id: i32, method: &str| Request::new(id.into(), method.to_owned(), file.clone());
        send(ask(1, "textDocument/hover").into());
        send(ask(2, "textDocument/hover").into());
        send(ask(3, "textDocument/diagnostic").into());
        send(Notification::new(Cancel::METHOD.to_owned(), json!({ "id": 2 })).into());
        send(Notification::new(DidChangeTextDocument::METHOD.to_owned(), file.clone()).into());
        send(ask(4, "textDocument/diagnostic").into());
        let mut queue = Queue::default();
        let mut next = || queue.next(&server, Wait::No);
        assert!(matches!(next(), Event::Message(Message::Request(it)) if it.id == 1.into()));
        assert!(matches!(next(), Event::Cancelled(id) if id == 2.into()));
        assert!(matches!(next(), Event::Outdated(it) if it.id == 3.into()));
        assert!(matches!(next(), Event::Message(Message::Notification(_))));
        assert!(matches!(next(), Event::Message(Message::Notification(_))));
        assert!(matches!(next(), Event::Message(Message::Request(it)) if it.id == 4.into()));
        assert!(matches!(next(), Event::Idle));
        drop(client);
        assert!(matches!(queue.next(&server, Wait::Forever), Event::Gone));
    }
}
