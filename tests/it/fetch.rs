//! Downloads from a server on this machine that behaves as servers do: cuts off, ignores ranges,
//! stalls, serves something else.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use losswalk::data::{
    DataError, FetchOptions, FetchProgress, FileKind, PublishedFile, PublishedSet, Split, fetch,
};

use crate::data_files::{published_set, sha256};

const NAME: &str = "train-images-idx3-ubyte.gz";

/// What the server does with one request.
#[derive(Clone, Copy)]
enum Behaviour {
    /// Serves the range asked for, or all.
    Serve,
    /// Says that all will come, and hangs up after so many bytes.
    CutAfter(usize),
    /// Says that all will come, sends so many bytes, and then nothing.
    StallAfter(usize),
    /// Serves all, whatever was asked for.
    IgnoreRange,
    /// Claims to serve the range, but from another first byte.
    WrongRange,
    /// Serves as many bytes with another content.
    WrongBytes,
    /// Serves a short page with status 200.
    Page,
    NotFound,
}

/// A server that answers one request after the other, each with the next behaviour.
struct Server {
    url: String,
    /// Path and range of every request so far.
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(behaviours: &[Behaviour]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (behaviours, log) = (behaviours.to_vec(), Arc::clone(&requests));
        thread::spawn(move || {
            let mut stalled = Vec::new();
            for behaviour in behaviours {
                let (stream, _) = listener.accept().unwrap();
                let (path, offset) = read_request(&stream);
                log.lock().unwrap().push(match offset {
                    Some(offset) => format!("{path} from {offset}"),
                    None => path,
                });
                // The client may hang up early; what it makes of the answer is what is tested.
                let _ = answer(&stream, behaviour, offset);
                if matches!(behaviour, Behaviour::StallAfter(_)) {
                    stalled.push(stream);
                }
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn read_request(stream: &TcpStream) -> (String, Option<usize>) {
    let lines: Vec<String> = BufReader::new(stream)
        .lines()
        .map(Result::unwrap)
        .take_while(|line| !line.is_empty())
        .collect();
    let path = lines[0].split(' ').nth(1).unwrap().to_owned();
    let offset = lines.iter().find_map(|line| {
        let (key, value) = line.split_once(": ")?;
        let value = value.strip_prefix("bytes=")?.strip_suffix('-')?;
        key.eq_ignore_ascii_case("range").then(|| value.parse().unwrap())
    });
    (path, offset)
}

fn answer(
    mut stream: &TcpStream,
    behaviour: Behaviour,
    offset: Option<usize>,
) -> std::io::Result<()> {
    let body = body();
    let total = body.len();
    let first = match behaviour {
        Behaviour::IgnoreRange => 0,
        Behaviour::WrongRange => offset.unwrap_or(0) + 1,
        _ => offset.unwrap_or(0),
    };
    let (status, mut body) = match behaviour {
        Behaviour::NotFound => ("404 Not Found", b"no".to_vec()),
        Behaviour::Page => ("200 OK", b"<html>Please sign in".to_vec()),
        Behaviour::WrongBytes => ("200 OK", vec![7; total]),
        _ if first == 0 => ("200 OK", body),
        _ => ("206 Partial Content", body[first..].to_vec()),
    };
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n")?;
    if status.starts_with("206") {
        write!(stream, "Content-Range: bytes {first}-{}/{total}\r\n", total - 1)?;
    }
    write!(stream, "\r\n")?;
    if let Behaviour::CutAfter(count) | Behaviour::StallAfter(count) = behaviour {
        body.truncate(count);
    }
    stream.write_all(&body)
}

/// The file served: large enough not to arrive in one piece.
fn body() -> Vec<u8> {
    (0..300_000u64).map(|i| (i * i / 7) as u8).collect()
}

/// A data set of that one file at `mirrors`.
fn entry(mirrors: &[&Server]) -> PublishedSet {
    let sha256: &str = sha256(&body()).leak();
    let file = PublishedFile {
        name: NAME,
        split: Split::Train,
        kind: FileKind::Images,
        bytes: body().len() as u64,
        sha256,
        content_sha256: sha256,
    };
    let mirrors: Vec<&str> = mirrors.iter().map(|server| &*server.url.clone().leak()).collect();
    let files = vec![file].leak();
    PublishedSet { files, mirrors: mirrors.leak(), ..published_set("mnist").clone() }
}

fn options() -> FetchOptions {
    FetchOptions { mirror: None, stalled_after: Duration::from_millis(300) }
}

fn quietly(entry: &PublishedSet, root: &Path) -> Result<(), DataError> {
    fetch(entry, root, &options(), &mut |_| {})
}

/// Fetches from one server and expects the file to be there, and nothing else.
fn succeeds(behaviours: &[Behaviour], root: &Path) -> Server {
    let server = Server::start(behaviours);
    quietly(&entry(&[&server]), root).unwrap();
    assert!(fs::read(root.join(NAME)).unwrap() == body());
    assert!(!part(root).exists());
    server
}

fn part(root: &Path) -> PathBuf {
    root.join(format!("{NAME}.part"))
}

fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn fetches_into_a_new_folder_and_reports_on_the_way() {
    let (server, folder) = (Server::start(&[Behaviour::Serve]), temporary());
    let root = folder.path().join("data").join("mnist");
    let (entry, mut received, mut done) = (entry(&[&server]), 0, false);
    fetch(&entry, &root, &options(), &mut |progress| match progress {
        FetchProgress::Received(bytes) => received = bytes,
        FetchProgress::Done(file) => done = file.name == NAME,
        _ => {}
    })
    .unwrap();
    assert!(done && received == body().len() as u64);
    assert!(fs::read(root.join(NAME)).unwrap() == body());
}

#[test]
fn a_file_that_is_there_and_right_is_not_asked_for() {
    let folder = temporary();
    fs::write(folder.path().join("train-images-idx3-ubyte"), body()).unwrap();
    let (server, mut present) = (Server::start(&[]), false);
    let entry = entry(&[&server]);
    fetch(&entry, folder.path(), &options(), &mut |progress| {
        present |= matches!(progress, FetchProgress::Present(_));
    })
    .unwrap();
    assert!(present && server.requests().is_empty());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_transfer_that_is_cut_off_continues_where_it_stopped() {
    let folder = temporary();
    let server = succeeds(&[Behaviour::CutAfter(100_000), Behaviour::Serve], folder.path());
    assert_eq!(server.requests(), [format!("/{NAME}"), format!("/{NAME} from 100000")]);
}

#[test]
fn a_transfer_that_stalls_continues_where_it_stopped() {
    let folder = temporary();
    let behaviours = [Behaviour::StallAfter(100_000), Behaviour::Serve];
    let server = succeeds(&behaviours, folder.path());
    assert_eq!(server.requests()[1], format!("/{NAME} from 100000"));
}

#[test]
fn a_later_run_continues_what_an_earlier_one_left() {
    let folder = temporary();
    fs::write(part(folder.path()), &body()[..1234]).unwrap();
    let server = succeeds(&[Behaviour::Serve], folder.path());
    assert_eq!(server.requests(), [format!("/{NAME} from 1234")]);
}

#[test]
fn a_server_that_ignores_ranges_sends_everything_again() {
    let folder = temporary();
    fs::write(part(folder.path()), &body()[..1234]).unwrap();
    succeeds(&[Behaviour::IgnoreRange], folder.path());
}

#[test]
fn a_server_that_sends_another_range_is_asked_for_everything() {
    let folder = temporary();
    fs::write(part(folder.path()), &body()[..1234]).unwrap();
    let server = succeeds(&[Behaviour::WrongRange, Behaviour::Serve], folder.path());
    assert_eq!(server.requests()[1], format!("/{NAME}"));
}

#[test]
fn a_part_with_a_wrong_beginning_is_thrown_away() {
    let folder = temporary();
    fs::write(part(folder.path()), [0xee; 1234]).unwrap();
    let server = succeeds(&[Behaviour::Serve, Behaviour::Serve], folder.path());
    assert_eq!(server.requests(), [format!("/{NAME} from 1234"), format!("/{NAME}")]);
}

#[test]
fn a_part_that_is_too_long_is_thrown_away() {
    let folder = temporary();
    fs::write(part(folder.path()), vec![0; 400_000]).unwrap();
    let server = succeeds(&[Behaviour::Serve], folder.path());
    assert_eq!(server.requests(), [format!("/{NAME}")]);
}

#[test]
fn a_complete_part_needs_no_server() {
    let folder = temporary();
    fs::write(part(folder.path()), body()).unwrap();
    let server = succeeds(&[], folder.path());
    assert!(server.requests().is_empty());
}

#[test]
fn the_next_mirror_serves_what_the_first_does_not() {
    for failing in [Behaviour::NotFound, Behaviour::WrongBytes, Behaviour::Page] {
        let folder = temporary();
        let (first, second) = (Server::start(&[failing]), Server::start(&[Behaviour::Serve]));
        quietly(&entry(&[&first, &second]), folder.path()).unwrap();
        assert!(fs::read(folder.path().join(NAME)).unwrap() == body());
        assert_eq!((first.requests().len(), second.requests().len()), (1, 1));
    }
}

#[test]
fn wrong_content_from_every_mirror_is_an_error_and_leaves_nothing() {
    let folder = temporary();
    let server = Server::start(&[Behaviour::WrongBytes]);
    let text = quietly(&entry(&[&server]), folder.path()).unwrap_err().to_string();
    assert!(text.contains("wrong content: SHA-256 ") && text.contains(&server.url), "{text}");
    assert!(!part(folder.path()).exists() && !folder.path().join(NAME).exists());
}

#[test]
fn an_error_names_every_url_what_happened_there_and_what_to_do() {
    let folder = temporary();
    let missing = Server::start(&[Behaviour::NotFound]);
    let unbound = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let entry = PublishedSet {
        mirrors: vec![&*missing.url.clone().leak(), &*format!("http://{unbound}").leak()].leak(),
        ..entry(&[])
    };
    let text = quietly(&entry, folder.path()).unwrap_err().to_string();
    assert!(text.contains(&format!("{}/{NAME}: HTTP status 404", missing.url)), "{text}");
    assert!(text.contains(&format!("http://{unbound}/{NAME}: ")), "{text}");
    assert!(text.contains("LOSSWALK_MIRROR") && text.contains("HTTPS_PROXY"), "{text}");
}

#[test]
fn a_mirror_of_the_users_own_replaces_the_others() {
    let (server, folder) = (Server::start(&[Behaviour::Serve]), temporary());
    let options = FetchOptions { mirror: Some(format!("{}/sets/", server.url)), ..options() };
    fetch(&entry(&[]), folder.path(), &options, &mut |_| {}).unwrap();
    assert_eq!(server.requests(), [format!("/sets/mnist/{NAME}")]);
}

#[test]
fn a_file_in_the_way_is_neither_replaced_nor_taken() {
    let folder = temporary();
    fs::write(folder.path().join(NAME), b"my own").unwrap();
    let error = quietly(&entry(&[]), folder.path()).unwrap_err();
    assert!(matches!(error, DataError::InTheWay { .. }), "{error}");
    assert_eq!(fs::read(folder.path().join(NAME)).unwrap(), b"my own");
}

#[test]
fn two_fetches_into_one_folder_do_not_meet() {
    let (server, folder) = (Server::start(&[Behaviour::Serve]), temporary());
    let entry = entry(&[&server]);
    fetch(&entry, folder.path(), &options(), &mut |progress| {
        if matches!(progress, FetchProgress::Asking { .. }) {
            let error = quietly(&entry, folder.path()).unwrap_err();
            assert!(matches!(error, DataError::Busy { .. }), "{error}");
        }
    })
    .unwrap();
}
