//! One attempt to get one file from one URL into its `.part` file, continuing what is there.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use ureq::http::{HeaderMap, header};
use ureq::{Agent, Body};

use super::checksum::sha256;
use super::{DataError, Download, FetchProgress};

/// Why an attempt failed.
pub(super) enum Failure {
    /// The server's fault, or the network's.
    Server {
        /// What happened.
        problem: String,
        /// Whether the same server may do better when asked again.
        retry: bool,
    },
    /// This machine's fault: no server can help.
    Disk(DataError),
}

/// A response whose body is the published file from some byte on.
struct Transfer {
    body: Body,
    start: u64,
}

impl Failure {
    fn refused(problem: impl Into<String>) -> Self {
        Self::Server { problem: problem.into(), retry: false }
    }

    fn interrupted(problem: impl Into<String>) -> Self {
        Self::Server { problem: problem.into(), retry: true }
    }
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        Self::Disk(error)
    }
}

/// Completes `part` from `url` and checks it. Whatever arrives before a failure stays in `part`,
/// unless its checksum proves it wrong.
pub(super) fn download(
    agent: &Agent,
    url: &str,
    file: Download,
    part: &Path,
    progress: &mut dyn FnMut(FetchProgress<'_>),
) -> Result<(), Failure> {
    let held = fs::metadata(part).map_or(0, |metadata| metadata.len());
    let start = if held == file.bytes {
        held
    } else {
        // What is longer than the file is no part of it.
        let offset = if held < file.bytes { held } else { 0 };
        let transfer = request(agent, url, offset, file.bytes)?;
        receive(transfer, part, file.bytes, progress)?
    };
    check(part, file, start > 0)
}

/// Asks for the file from byte `offset` on; a server that cannot do that sends all of it.
fn request(agent: &Agent, url: &str, offset: u64, total: u64) -> Result<Transfer, Failure> {
    let mut request = agent.get(url);
    if offset > 0 {
        request = request.header(header::RANGE, format!("bytes={offset}-"));
    }
    let response = request.call().map_err(|error| Failure::refused(explain(&error)))?;
    let range = content_range(response.headers());
    let (start, size) = match (response.status().as_u16(), range) {
        (200, _) => (0, response.body().content_length()),
        (206, Some((start, size))) if start == offset => (start, Some(size)),
        // Not the range asked for, or none there: begin again.
        (206 | 416, _) if offset > 0 => return self::request(agent, url, 0, total),
        (status, _) => return Err(Failure::refused(format!("HTTP status {status}"))),
    };
    match size {
        Some(size) if size != total => {
            Err(Failure::refused(format!("serves {size} bytes, the published file has {total}")))
        }
        _ => Ok(Transfer { body: response.into_body(), start }),
    }
}

fn explain(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        ureq::Error::HostNotFound => "unknown host, or no network".to_owned(),
        ureq::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    }
}

/// First byte and total size in `Content-Range: bytes FIRST-LAST/TOTAL`.
fn content_range(headers: &HeaderMap) -> Option<(u64, u64)> {
    let value = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.parse().ok()?, total.parse().ok()?))
}

/// Writes the body into `part` from its first byte on, syncs it, and returns that byte's offset.
fn receive(
    transfer: Transfer,
    part: &Path,
    total: u64,
    progress: &mut dyn FnMut(FetchProgress<'_>),
) -> Result<u64, Failure> {
    let start = transfer.start;
    let mut file = open_at(part, start).map_err(DataError::io("open", part))?;
    // One byte more than belongs there shows that the server sends something else.
    let mut body = transfer.body.into_reader().take(total - start + 1);
    let mut buffer = vec![0; 1 << 16];
    let mut held = start;
    progress(FetchProgress::Received(held));
    loop {
        match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                file.write_all(&buffer[..count]).map_err(DataError::io("write", part))?;
                held += count as u64;
                progress(FetchProgress::Received(held));
            }
            Err(error) => {
                let cause = explain(&error.into());
                let problem = format!("broke off at {held} of {total} bytes ({cause})");
                return Err(Failure::interrupted(problem));
            }
        }
    }
    file.sync_all().map_err(DataError::io("sync", part))?;
    if held < total {
        return Err(Failure::interrupted(format!("ended after {held} of {total} bytes")));
    }
    Ok(start)
}

/// Opens `path` for writing with its first `offset` bytes kept and the rest discarded.
fn open_at(path: &Path, offset: u64) -> io::Result<File> {
    let mut file = File::options().write(true).create(true).truncate(false).open(path)?;
    file.set_len(offset)?;
    file.seek(SeekFrom::Start(offset))?;
    Ok(file)
}

/// Compares the complete `part` with the published checksum and deletes it if it differs. One that
/// was `continued` may differ because of its beginning, so the server gets another chance.
fn check(part: &Path, file: Download, continued: bool) -> Result<(), Failure> {
    let bytes = fs::read(part).map_err(DataError::io("read", part))?;
    let found = sha256(&bytes);
    if found == file.sha256 {
        return Ok(());
    }
    fs::remove_file(part).map_err(DataError::io("delete", part))?;
    let problem = format!("wrong content: SHA-256 {found}, published {}", file.sha256);
    Err(Failure::Server { problem, retry: continued })
}
