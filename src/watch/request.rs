//! The head of a request, read within limits.

use std::io::{self, ErrorKind, Read};
use std::net::{IpAddr, TcpStream};
use std::time::Instant;

use super::response::{Status, time_left};

/// The longest head; browsers send under 2 KiB.
const LIMIT: usize = 8 << 10;

/// What is asked for.
#[derive(Debug, PartialEq)]
pub(super) struct Request {
    /// Path and query, as sent.
    pub(super) target: String,
    /// The name under which the client knows the server, without the port.
    pub(super) host: String,
}

/// Reads up to the end of the head; an answer at once if it is too long.
pub(super) fn read_head(
    stream: &mut TcpStream,
    deadline: Instant,
) -> io::Result<Result<Vec<u8>, Status>> {
    let mut head = Vec::new();
    let mut part = [0; 1024];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        if head.len() > LIMIT {
            return Ok(Err(Status::HeadTooLong));
        }
        stream.set_read_timeout(Some(time_left(deadline)?))?;
        match stream.read(&mut part)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            read => head.extend(&part[..read]),
        }
    }
    Ok(Ok(head))
}

impl Request {
    /// Reads a head. Everything but what a browser sends for a page is refused.
    pub(super) fn parse(head: &[u8]) -> Result<Self, Status> {
        let head = str::from_utf8(head).map_err(|_| Status::BadRequest)?;
        let mut lines = head.split("\r\n");
        let first: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
        let [method, target, version] = first[..] else { return Err(Status::BadRequest) };
        if !version.starts_with("HTTP/1.") || !target.starts_with('/') {
            return Err(Status::BadRequest);
        }
        if method != "GET" {
            return Err(Status::MethodNotAllowed);
        }
        let mut hosts = lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("host").then(|| value.trim())
        });
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(Status::BadRequest);
        };
        Ok(Self { target: target.to_owned(), host: without_port(host).to_owned() })
    }

    /// The client knows the server by its address and not by a name that somebody else may have given
    /// it: this is what keeps other pages in the reader's browser out (DNS rebinding). The port may be
    /// another where it is forwarded.
    pub(super) fn is_for(&self, listening: IpAddr) -> bool {
        match self.host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) => address.is_loopback() || !listening.is_loopback(),
            Err(_) => self.host.eq_ignore_ascii_case("localhost"),
        }
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(head: &str) -> Result<Request, Status> {
        Request::parse(head.as_bytes())
    }

    #[test]
    fn what_a_browser_sends_is_understood_and_nothing_else() {
        let request = parse("GET /a/?b HTTP/1.1\r\nAccept: *\r\nhOsT: 127.0.0.1:80\r\n\r\n");
        let expected = Request { target: "/a/?b".to_owned(), host: "127.0.0.1".to_owned() };
        assert_eq!(request, Ok(expected));
        for (head, status) in [
            ("POST / HTTP/1.1\r\nHost: a\r\n\r\n", Status::MethodNotAllowed),
            ("GET / HTTP/1.1\r\n\r\n", Status::BadRequest),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", Status::BadRequest),
            ("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", Status::BadRequest),
            ("GET / x HTTP/1.1\r\nHost: a\r\n\r\n", Status::BadRequest),
            ("GET / FTP/1.1\r\nHost: a\r\n\r\n", Status::BadRequest),
            ("\r\n\r\n", Status::BadRequest),
        ] {
            assert_eq!(parse(head), Err(status), "{head}");
        }
        assert_eq!(Request::parse(b"GET /\xff HTTP/1.1\r\n\r\n"), Err(Status::BadRequest));
    }

    #[test]
    fn names_are_foreign_and_addresses_where_others_may_reach_them_are_not() {
        let is_for = |host: &str, listening: &str| {
            let request = Request { target: String::new(), host: without_port(host).to_owned() };
            listening.parse().map(|address| request.is_for(address)).ok()
        };
        let cases = [
            ("127.0.0.1:1", true, true),
            ("localhost", true, true),
            ("LocalHost:8000", true, true),
            ("[::1]:8000", true, true),
            ("192.0.2.7:80", false, true),
            ("example.org", false, false),
            ("localhost.example.org:80", false, false),
            ("127.0.0.1.example.org", false, false),
            ("", false, false),
        ];
        for (host, on_loopback, elsewhere) in cases {
            assert_eq!(is_for(host, "127.0.0.1"), Some(on_loopback), "{host}");
            assert_eq!(is_for(host, "0.0.0.0"), Some(elsewhere), "{host}");
        }
    }
}
