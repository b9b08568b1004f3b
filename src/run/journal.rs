//! What an unfinished measurement has computed so far, so that a killed run computes none of it again.
//!
//! A journal is a file of vectors: a state, replaced as a whole, and behind it what was computed since,
//! appended one by one. Each has a digest of itself, of what it was computed from, of all before it and
//! of what the journal is of; where one does not fit (the end is torn, another version wrote it), it and
//! all behind it are computed again. Nothing is synced: a killed process loses nothing, and what a crash of the
//! machine takes along is computed again. Memory: a vector, three times.

use std::fs::{File, OpenOptions, create_dir_all};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::RunError;
use super::atomic::{remove, temporary};

/// Bytes before the numbers of a vector: how many, and the digest.
const HEAD: usize = 8 + DIGEST;
const DIGEST: usize = 32;

/// The journal of one measurement.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// The digest of what it is of.
    subject: [u8; DIGEST],
    /// The digest of the newest vector, or of the subject: a chain, so that none can be left out.
    newest: [u8; DIGEST],
    /// Read up to here; written only at its end.
    file: File,
    /// Bytes that are still to be read.
    unread: u64,
}

impl Journal {
    /// Opens the journal at `path` of a measurement that `subject` names, with all that decides its
    /// numbers. Returns its state too, which is empty for a new one.
    pub fn open(path: &Path, subject: &str) -> Result<(Self, Vec<Vec<f64>>), RunError> {
        if let Some(folder) = path.parent() {
            create_dir_all(folder).map_err(RunError::io("create", folder))?;
        }
        let mut options = OpenOptions::new();
        let options = options.create(true).truncate(false).read(true).write(true);
        let file = options.open(path).map_err(RunError::io("open", path))?;
        let unread = file.metadata().map_err(RunError::io("read", path))?.len();
        let subject = Sha256::digest(subject).into();
        let mut journal = Self { path: path.to_owned(), subject, newest: subject, file, unread };
        match journal.read_state()? {
            Some(state) => Ok((journal, state)),
            None => {
                journal.restart(&[])?;
                Ok((journal, Vec::new()))
            }
        }
    }

    /// The next vector: as an earlier attempt computed it from the same input, or computed now.
    pub fn next<E: From<RunError>>(
        &mut self,
        input: &[f64],
        compute: impl FnOnce() -> Result<Vec<f64>, E>,
    ) -> Result<Vec<f64>, E> {
        if let Some(found) = self.read(input)? {
            return Ok(found);
        }
        let computed = compute()?;
        let entry = self.entry(input, &computed);
        self.file.write_all(&entry).map_err(RunError::io("append to", &self.path))?;
        Ok(computed)
    }

    /// Begins anew behind a state, without all that was computed before.
    pub fn restart(&mut self, state: &[&[f64]]) -> Result<(), RunError> {
        let hidden = temporary(&self.path);
        let mut file = File::create(&*hidden).map_err(RunError::io("create", &*hidden))?;
        let count = [state.len() as f64];
        self.newest = self.subject;
        for vector in [&[&count[..]], state].concat() {
            let entry = self.entry(&[], vector);
            file.write_all(&entry).map_err(RunError::io("write", &*hidden))?;
        }
        std::fs::rename(&*hidden, &self.path).map_err(RunError::io("rename", &*hidden))?;
        (self.file, self.unread) = (file, 0);
        Ok(())
    }

    /// Removes the file: the measurement is recorded.
    pub fn remove(self) -> Result<(), RunError> {
        remove(&self.path)
    }

    /// The state; none unless all of it is there.
    fn read_state(&mut self) -> Result<Option<Vec<Vec<f64>>>, RunError> {
        let Some(count) = self.read(&[])? else { return Ok(None) };
        let count = count.first().copied().unwrap_or_default() as usize;
        (0..count).map(|_| self.read(&[])).collect()
    }

    /// The next vector of the file; none at its end, which is cut off where the vector does not fit.
    fn read(&mut self, input: &[f64]) -> Result<Option<Vec<f64>>, RunError> {
        if self.unread == 0 {
            return Ok(None);
        }
        let position = self.file.stream_position().map_err(RunError::io("read", &self.path))?;
        let found = self.try_read(input).map_err(RunError::io("read", &self.path))?;
        if found.is_none() {
            self.unread = 0;
            self.file
                .set_len(position)
                .and_then(|()| self.file.seek(std::io::SeekFrom::End(0)))
                .map_err(RunError::io("cut off the end of", &self.path))?;
        }
        Ok(found)
    }

    fn try_read(&mut self, input: &[f64]) -> std::io::Result<Option<Vec<f64>>> {
        let mut length = [0; 8];
        let mut digest = [0; DIGEST];
        if self.unread < HEAD as u64 {
            return Ok(None);
        }
        self.file.read_exact(&mut length)?;
        self.file.read_exact(&mut digest)?;
        self.unread -= HEAD as u64;
        // No more than there is, whatever the file promises.
        let bytes = u64::from_le_bytes(length).checked_mul(8).filter(|&bytes| bytes <= self.unread);
        let Some(bytes) = bytes else { return Ok(None) };
        let mut content = vec![0; bytes as usize];
        match self.file.read_exact(&mut content) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            result => result?,
        }
        self.unread -= bytes;
        if self.digest(input, &content) != digest {
            return Ok(None);
        }
        self.newest = digest;
        let (numbers, _) = content.as_chunks::<8>();
        Ok(Some(numbers.iter().map(|&bytes| f64::from_le_bytes(bytes)).collect()))
    }

    /// The bytes of the next vector.
    fn entry(&mut self, input: &[f64], vector: &[f64]) -> Vec<u8> {
        let content = bytes(vector);
        let length = (vector.len() as u64).to_le_bytes();
        self.newest = self.digest(input, &content);
        [&length[..], &self.newest, &content].concat()
    }

    fn digest(&self, input: &[f64], content: &[u8]) -> [u8; DIGEST] {
        let mut hasher = Sha256::new();
        for part in [&self.newest[..], &bytes(input), content] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        hasher.finalize().into()
    }
}

fn bytes(vector: &[f64]) -> Vec<u8> {
    vector.iter().flat_map(|number| number.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    type TestResult = Result<(), Box<dyn std::error::Error>>;

    /// Asks for the vectors [i, i + 1], computed from [i]; returns how many were computed.
    fn ask(journal: &mut Journal, numbers: std::ops::Range<u8>) -> Result<usize, RunError> {
        let mut computed = 0;
        for number in numbers.map(f64::from) {
            let vector = [number, number + 1.0];
            let found = journal.next(&[number], || {
                computed += 1;
                Ok::<_, RunError>(vector.to_vec())
            })?;
            assert_eq!(found, vector);
        }
        Ok(computed)
    }

    #[test]
    fn what_was_computed_is_kept_and_a_state_replaces_it() -> TestResult {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("unfinished").join("a");
        let (mut journal, state) = Journal::open(&path, "a")?;
        assert!(state.is_empty());
        assert_eq!(ask(&mut journal, 0..3)?, 3);
        let (mut journal, state) = Journal::open(&path, "a")?;
        assert_eq!((state.len(), ask(&mut journal, 0..5)?), (0, 2));
        journal.restart(&[&[7.0], &[], &[8.0, f64::NEG_INFINITY]])?;
        assert_eq!(ask(&mut journal, 5..6)?, 1);
        let (mut journal, state) = Journal::open(&path, "a")?;
        assert_eq!(state, [vec![7.0], vec![], vec![8.0, f64::NEG_INFINITY]]);
        assert_eq!(ask(&mut journal, 5..8)?, 2);
        journal.remove()?;
        assert!(!path.exists());
        Ok(())
    }

    #[test]
    fn from_the_first_damage_on_all_is_computed_again() -> TestResult {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a");
        let write = || {
            let (mut journal, _) = Journal::open(&path, "a")?;
            journal.restart(&[&[1.0, 2.0], &[3.0]])?;
            ask(&mut journal, 0..4)
        };
        write()?;
        let whole = std::fs::read(&path)?;
        let vector = HEAD + 16;
        let of_state = whole.len() - 4 * vector;
        for place in 0..whole.len() {
            for is_cut in [true, false] {
                let mut damaged = whole.clone();
                damaged[place] ^= 0x41;
                if is_cut {
                    damaged.truncate(place);
                }
                std::fs::write(&path, damaged)?;
                let (mut journal, state) = Journal::open(&path, "a")?;
                let kept = place.checked_sub(of_state).map(|behind| behind / vector);
                assert_eq!(state.len(), if kept.is_some() { 2 } else { 0 }, "{place}");
                assert_eq!(ask(&mut journal, 0..4)?, 4 - kept.unwrap_or(0), "{place}");
                drop(journal);
                let again = Journal::open(&path, "a")?.0;
                assert!(again.unread == 4 * vector as u64, "{place}");
            }
        }
        Ok(())
    }

    #[test]
    fn what_is_of_something_else_is_not_taken() -> TestResult {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a");
        ask(&mut Journal::open(&path, "a")?.0, 0..4)?;
        let (mut journal, _) = Journal::open(&path, "a")?;
        assert_eq!(ask(&mut journal, 0..2)?, 0);
        assert_eq!(ask(&mut journal, 9..10)?, 1, "from another input");
        assert_eq!(ask(&mut journal, 3..4)?, 1, "which came behind that");
        assert_eq!(ask(&mut Journal::open(&path, "b")?.0, 0..4)?, 4);
        Ok(())
    }
}
