//! Append-only record files: one JSON object a line, synced, repaired after a crash.
//!
//! A line counts once its newline is on disk. A torn last line is what a killed process or a full
//! disk leaves behind; opening the log for writing cuts it off. Damage anywhere else is an error.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::RunError;
use super::atomic::sync_name;

/// A record file open for appending.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    /// Opens `path` (created if missing), cuts off a torn last line and returns the records so far.
    pub fn open<T: DeserializeOwned>(path: &Path) -> Result<(Self, Vec<T>), RunError> {
        let bytes = read_or_empty(path)?;
        let records = parse(path, &bytes)?;
        let mut options = OpenOptions::new();
        let file = options
            .create(true)
            .append(true)
            .open(path)
            .map_err(RunError::io("open for appending", path))?;
        if bytes.is_empty() {
            sync_name(path)?;
        }
        let complete = complete_bytes(&bytes);
        if complete < bytes.len() {
            file.set_len(complete as u64).map_err(RunError::io("repair", path))?;
            file.sync_all().map_err(RunError::io("sync", path))?;
        }
        Ok((Self { path: path.to_owned(), file }, records))
    }

    /// Appends one record. It survives a kill of this process at once, and a crash of the machine
    /// after [`Log::sync`].
    pub fn append<T: Serialize>(&mut self, record: &T) -> Result<(), RunError> {
        let mut line = serde_json::to_vec(record)
            .map_err(|error| RunError::content(&self.path, format!("cannot encode: {error}")))?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(RunError::io("append to", &self.path))
    }

    /// Takes back the first record that is not to be kept, and all after it.
    pub fn keep_while<T: DeserializeOwned>(
        &mut self,
        is_kept: impl Fn(&T) -> bool,
    ) -> Result<(), RunError> {
        let bytes = read_or_empty(&self.path)?;
        let kept =
            parse::<T>(&self.path, &bytes)?.iter().take_while(|record| is_kept(record)).count();
        let lines = bytes.split_inclusive(|&byte| byte == b'\n');
        let length: usize = lines.take(kept).map(<[u8]>::len).sum();
        self.file.set_len(length as u64).map_err(RunError::io("cut", &self.path))?;
        self.sync()
    }

    /// Waits until the disk has every appended record.
    pub fn sync(&mut self) -> Result<(), RunError> {
        self.file.sync_data().map_err(RunError::io("sync", &self.path))
    }
}

/// Reads every complete record of a file that may still be growing; none if it does not exist.
pub fn read_records<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, RunError> {
    parse(path, &read_or_empty(path)?)
}

/// Bytes that a record rarely exceeds.
const TAIL: u64 = 1 << 14;

/// Reads the last complete record of a file that may still be growing, and little besides; none if there
/// is none.
pub(super) fn read_last<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, RunError> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(RunError::io("read", path))?,
    };
    let mut bytes = Vec::new();
    let length = file.metadata().map_err(RunError::io("read", path))?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))
        .and_then(|_| file.read_to_end(&mut bytes))
        .map_err(RunError::io("read", path))?;
    let complete = &bytes[..complete_bytes(&bytes)];
    let Some((_, lines)) = complete.split_last() else { return Ok(None) };
    match lines.iter().rposition(|&byte| byte == b'\n') {
        None if length > TAIL => Ok(read_records(path)?.pop()),
        start => {
            let line = &lines[start.map_or(0, |newline| newline + 1)..];
            let damaged =
                |error| RunError::content(path, format!("the last line is damaged ({error})"));
            serde_json::from_slice(line).map(Some).map_err(damaged)
        }
    }
}

fn read_or_empty(path: &Path) -> Result<Vec<u8>, RunError> {
    match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        result => result.map_err(RunError::io("read", path)),
    }
}

fn complete_bytes(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1)
}

fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<Vec<T>, RunError> {
    let complete = &bytes[..complete_bytes(bytes)];
    let lines = complete.split_inclusive(|&byte| byte == b'\n');
    lines
        .enumerate()
        .map(|(index, line)| {
            serde_json::from_slice(line).map_err(|error| {
                let number = index + 1;
                RunError::content(
                    path,
                    format!("line {number} is damaged ({error}); restore the file from a copy, or delete this line and all after it"),
                )
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_last_line_is_cut_off_and_the_rest_kept() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("log.jsonl");
        std::fs::write(&path, "1\n2\n[3")?;
        let (mut log, records) = Log::open::<u32>(&path)?;
        assert_eq!(records, [1, 2]);
        log.append(&7)?;
        assert_eq!(std::fs::read_to_string(&path)?, "1\n2\n7\n");
        Ok(())
    }

    #[test]
    fn what_is_taken_back_is_gone() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("log.jsonl");
        std::fs::write(&path, "1\n2\n30\n4\n")?;
        let (mut log, _) = Log::open::<u32>(&path)?;
        log.keep_while(|&record: &u32| record < 10)?;
        log.append(&7)?;
        assert_eq!(read_records::<u32>(&path)?, [1, 2, 7]);
        Ok(())
    }

    #[test]
    fn the_last_whole_record_is_found_from_the_end() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("log.jsonl");
        assert_eq!(read_last::<u32>(&path)?, None);
        let long = format!("1\n{}2\n", " ".repeat(2 * TAIL as usize));
        for (text, last) in
            [("", None), ("7", None), ("1\n", Some(1)), ("1\n2\n[3", Some(2)), (&long, Some(2))]
        {
            std::fs::write(&path, text)?;
            assert_eq!(read_last::<u32>(&path)?, last, "{text:.9}");
        }
        std::fs::write(&path, "1\nx\n")?;
        assert!(read_last::<u32>(&path).is_err());
        Ok(())
    }

    #[test]
    fn damage_before_the_last_line_names_the_line() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("log.jsonl");
        std::fs::write(&path, "1\nx\n3\n")?;
        let message = read_records::<u32>(&path).err().map(|error| error.to_string());
        assert!(message.is_some_and(|text| text.contains("line 2")));
        Ok(())
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_that_says_how_to_go_on() -> Result<(), Box<dyn std::error::Error>> {
        let path = PathBuf::from("/dev/full");
        let mut log = Log { file: OpenOptions::new().append(true).open(&path)?, path };
        let message = log.append(&1).err().map(|error| error.to_string());
        assert!(message.is_some_and(|text| text.contains("free some space")));
        Ok(())
    }
}
