//! Answers, sent by a deadline.

use std::io::{self, ErrorKind, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// The page may run its own script and style, reach this server alone, and stand in no other page. The
/// address, which holds the token, goes nowhere.
const HEADERS: &str = "Cache-Control: no-store\r\nConnection: close\r\nReferrer-Policy: no-referrer\r\n\
    X-Content-Type-Options: nosniff\r\nContent-Security-Policy: default-src 'none'; \
    script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n";

/// Why nothing else is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    BadRequest,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    HeadTooLong,
    Busy,
}

impl Status {
    fn text(self) -> &'static str {
        match self {
            Self::BadRequest => "400 Bad Request",
            Self::Forbidden => "403 Forbidden",
            Self::NotFound => "404 Not Found",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::HeadTooLong => "431 Request Header Fields Too Large",
            Self::Busy => "503 Service Unavailable",
        }
    }
}

/// A refusal as bytes.
pub(super) fn refusal(status: Status) -> Vec<u8> {
    whole(status.text(), "text/plain", status.text())
}

/// A page as bytes.
pub(super) fn page(page: &str) -> Vec<u8> {
    whole("200 OK", "text/html; charset=utf-8", page)
}

/// The head of a stream of events.
pub(super) fn events() -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{HEADERS}\r\n").into_bytes()
}

fn whole(status: &str, kind: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n");
    [&head, HEADERS, "\r\n", body].concat().into_bytes()
}

/// Writes all of it, or fails at the deadline however slowly the client reads.
pub(super) fn send(stream: &mut TcpStream, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.set_write_timeout(Some(time_left(deadline)?))?;
        let written = stream.write(bytes)?;
        bytes = &bytes[written..];
    }
    Ok(())
}

/// An error once the deadline has passed.
pub(super) fn time_left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}
