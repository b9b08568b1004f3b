//! The server of a run's page, over sockets: who gets in, and that nobody disturbs the run.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::program::{Run, TestResult, losswalk};

const SETTINGS: [&str; 3] =
    ["train.epochs=1", "data.train_samples=400", "measure=[{kind='line',iterations=2,points=4}]"];

/// `losswalk watch` on a run that is done; killed when dropped.
struct Watched {
    run: Run,
    server: Child,
    /// `127.0.0.1:PORT`.
    host: String,
    /// `/TOKEN/`.
    path: String,
    _folder: TempDir,
}

impl Watched {
    fn start() -> TestResult<Self> {
        let folder = tempfile::tempdir()?;
        let run = Run::new(folder.path().join("r"), &SETTINGS);
        assert_eq!(run.ends(&[])?.0, 0);
        let mut server = losswalk().arg("watch").arg(&run.out).stdout(Stdio::piped()).spawn()?;
        let mut url = String::new();
        BufReader::new(server.stdout.take().ok_or("no stdout")?).read_line(&mut url)?;
        let (host, path) = parts(&url)?;
        Ok(Self { run, server, host, path, _folder: folder })
    }

    fn connect(&self) -> TestResult<TcpStream> {
        connect(&self.host)
    }

    /// The answer to a request as it stands.
    fn raw(&self, request: &str) -> TestResult<String> {
        let mut client = self.connect()?;
        client.write_all(request.as_bytes())?;
        let mut answer = String::new();
        client.read_to_string(&mut answer)?;
        Ok(answer)
    }

    fn get(&self, path: &str, host: &str) -> TestResult<String> {
        self.raw(&request(path, host))
    }

    fn page(&self) -> TestResult<String> {
        self.get(&self.path, &self.host)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn parts(url: &str) -> TestResult<(String, String)> {
    let rest = url.trim().strip_prefix("http://").ok_or_else(|| url.to_owned())?;
    let (host, path) = rest.split_once('/').ok_or_else(|| url.to_owned())?;
    Ok((host.to_owned(), format!("/{path}")))
}

fn connect(host: &str) -> TestResult<TcpStream> {
    let client = TcpStream::connect(host)?;
    client.set_read_timeout(Some(Duration::from_secs(20)))?;
    Ok(client)
}

fn request(path: &str, host: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")
}

/// Reads lines of a stream up to one that has `wanted` in it.
fn read_until(stream: &mut impl BufRead, wanted: &str) -> TestResult<String> {
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(format!("the stream ended before {wanted}").into());
        }
        if line.contains(wanted) {
            return Ok(line);
        }
    }
}

#[test]
fn the_page_of_a_run_is_served_to_who_has_its_address() -> TestResult {
    let watched = Watched::start()?;
    let page = watched.page()?;
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("<h1>quickstart</h1>"));
    assert!(page.contains("default-src 'none'") && page.contains("name=\"version\" content=\"1\""));
    assert!(watched.get(&watched.path, "localhost:1234")?.starts_with("HTTP/1.1 200"));
    let report = fs::read_to_string(watched.run.out.join("report.html"))?;
    assert!(!report.contains("name=\"version\" content"), "the written page asks no server");
    Ok(())
}

#[test]
fn everything_else_is_refused() -> TestResult {
    let watched = Watched::start()?;
    let (host, own) = (watched.host.as_str(), watched.path.as_str());
    let wrong = format!("/{}/", "0".repeat(32));
    let path = |rest: &str| format!("{own}{rest}");
    let cases = [
        ("/".to_owned(), host, 403),
        (wrong.clone(), host, 403),
        (format!("{wrong}events?since=0"), host, 403),
        (own[..own.len() - 2].to_owned() + "/", host, 403),
        ("/../../../etc/passwd".to_owned(), host, 403),
        (own.to_owned(), "example.org", 403),
        (own.to_owned(), "127.0.0.1.example.org:80", 403),
        (own.to_owned(), "192.0.2.7", 403),
        (path("manifest.json"), host, 404),
        (path("../r/manifest.json"), host, 404),
        (path("../../../../../../etc/passwd"), host, 404),
        (path("%2e%2e/%2e%2e/etc/passwd"), host, 404),
        (path("/etc/passwd"), host, 404),
        (path("events"), host, 400),
        (path("events?since=-1"), host, 400),
    ];
    for (path, host, status) in cases {
        let answer = watched.get(&path, host)?;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path} {host}: {answer}");
        assert!(!answer.contains("root:") && !answer.contains("format_version"), "{path}");
    }
    for (request, status) in [
        (format!("POST {own} HTTP/1.1\r\nHost: {host}\r\n\r\n"), 405),
        (format!("DELETE {own} HTTP/1.1\r\nHost: {host}\r\n\r\n"), 405),
        (format!("GET {own} HTTP/1.1\r\n\r\n"), 400),
        ("\0\u{1}nonsense\r\n\r\n".to_owned(), 400),
        (format!("GET {own} HTTP/1.1\r\nA: {}", "a".repeat(9000)), 431),
    ] {
        let answer = watched.raw(&request)?;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
    }
    Ok(())
}

#[test]
fn slow_clients_and_many_clients_are_bounded() -> TestResult {
    let watched = Watched::start()?;
    let begin = Instant::now();
    let mut slow = watched.connect()?;
    slow.write_all(b"GET /")?;
    assert!(watched.page()?.starts_with("HTTP/1.1 200"), "others are served meanwhile");
    // More than there may be, all silent.
    let crowd: Vec<TcpStream> = (0..200).map(|_| watched.connect()).collect::<TestResult<_>>()?;
    let mut refused = Vec::new();
    let mut late = watched.connect()?;
    let _ = late.write_all(request(&watched.path, &watched.host).as_bytes());
    let _ = late.read_to_end(&mut refused);
    assert!(!refused.starts_with(b"HTTP/1.1 200"), "there is a limit");
    // One that trickles has no more time than one that is silent.
    let mut answer = Vec::new();
    while begin.elapsed() < Duration::from_secs(4) {
        slow.write_all(b"a")?;
        thread::sleep(Duration::from_millis(200));
    }
    let _ = slow.read_to_end(&mut answer);
    assert!(answer.is_empty() && begin.elapsed() < Duration::from_secs(9), "{:?}", begin.elapsed());
    while !watched.page().is_ok_and(|page| page.starts_with("HTTP/1.1 200")) {
        assert!(begin.elapsed() < Duration::from_secs(15), "the crowd was not closed");
        thread::sleep(Duration::from_millis(200));
    }
    drop(crowd);
    Ok(())
}

#[test]
fn a_client_hears_of_new_records() -> TestResult {
    let watched = Watched::start()?;
    watched.page()?;
    let mut client = watched.connect()?;
    let events = format!("{}events?since=1", watched.path);
    client.write_all(request(&events, &watched.host).as_bytes())?;
    let mut stream = BufReader::new(client);
    read_until(&mut stream, "text/event-stream")?;
    assert_eq!(read_until(&mut stream, "data: done")?, "data: done · quickstart\n");
    let path = watched.run.out.join("steps.jsonl");
    let steps = fs::read_to_string(&path)?;
    fs::write(&path, format!("{steps}{{\"torn"))?;
    read_until(&mut stream, "event: page")?;
    assert!(watched.page()?.contains("content=\"2\""));
    fs::write(&path, "")?;
    read_until(&mut stream, "event: page")?;
    assert!(watched.page()?.contains("No step is recorded yet"));
    fs::write(&path, "damage\n")?;
    read_until(&mut stream, "event: page")?;
    assert!(watched.page()?.contains("line 1 is damaged"));
    fs::write(&path, steps)?;
    read_until(&mut stream, "event: page")?;
    assert!(watched.page()?.contains("id=\"walk\""));
    Ok(())
}

/// Clients that read, are silent, or send nonsense while a run goes on: its records are those of a run
/// that nobody watched.
#[test]
fn a_run_that_is_watched_is_not_disturbed() -> TestResult {
    let folder = tempfile::tempdir()?;
    let settings = ["train.epochs=2", "data.train_samples=1000", "measure.points=10"];
    let [alone, watched] = ["a", "b"].map(|name| Run::new(folder.path().join(name), &settings));
    assert_eq!(alone.ends(&[])?.0, 0);
    let mut running =
        watched.command().arg("--watch").stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let mut stderr = BufReader::new(running.stderr.take().ok_or("no stderr")?);
    let line = read_until(&mut stderr, "watch: ")?;
    let (host, path) = parts(line.trim().trim_start_matches("watch: "))?;
    let mut stream = connect(&host)?;
    stream.write_all(request(&format!("{path}events?since=0"), &host).as_bytes())?;
    let crowd: Vec<_> = (0..50).filter_map(|_| connect(&host).ok()).collect();
    for mut client in &crowd {
        let _ = client.write_all(b"GET / nonsense\r\n");
    }
    let mut heard = BufReader::new(stream);
    read_until(&mut heard, "data: done · quickstart")?;
    let mut rest = String::new();
    stderr.read_to_string(&mut rest)?;
    assert!(running.wait()?.success(), "{rest}");
    assert_eq!(watched.records()?, alone.records()?);
    Ok(())
}

#[test]
fn what_cannot_be_watched_is_said() -> TestResult {
    let folder = tempfile::tempdir()?;
    let said = |arguments: &[&str]| -> TestResult<String> {
        let output = losswalk().arg("watch").args(arguments).output()?;
        assert_eq!(output.status.code(), Some(2));
        Ok(String::from_utf8(output.stderr)?)
    };
    let none = folder.path().join("none");
    assert!(said(&[&none.to_string_lossy()])?.contains("not a run folder"));
    let watched = Watched::start()?;
    let port = watched.host.rsplit(':').next().unwrap_or_default();
    let run = watched.run.out.to_string_lossy().into_owned();
    assert!(said(&[&run, "--port", port])?.contains("choose another --port"));
    assert!(said(&[&run, "--bind", "example.org"])?.contains("--bind"));
    Ok(())
}
