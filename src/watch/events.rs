//! A stream of server-sent events: what has changed since the client's page.

use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::board::Board;
use super::response::{self, send};

/// A line that says nothing, after so long without news: it finds out who has left.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a client may take to accept an event.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends events until the client leaves. `version` is that of the page it has.
pub(super) fn stream(board: &Board, client: &mut TcpStream, version: u64) -> io::Result<()> {
    board.change(|state| state.streams += 1);
    let ended = tell(board, client, version);
    board.change(|state| state.streams -= 1);
    ended
}

fn tell(board: &Board, client: &mut TcpStream, mut version: u64) -> io::Result<()> {
    send(client, &response::events(), Instant::now() + PATIENCE)?;
    let mut text = event("title", &board.state().title);
    loop {
        send(client, text.as_bytes(), Instant::now() + PATIENCE)?;
        let state = board.wait(HEARTBEAT, |state| state.version > version);
        text = if state.version > version {
            version = state.version;
            event("title", &state.title) + &event("page", &version.to_string())
        } else {
            ":\n\n".to_owned()
        };
    }
}

/// An event; no line break of the data ends it early.
fn event(name: &str, data: &str) -> String {
    format!("event: {name}\ndata: {}\n\n", data.replace(['\r', '\n'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_begin_another_event() {
        assert_eq!(event("title", "a\n\nevent: b"), "event: title\ndata: a  event: b\n\n");
    }
}
