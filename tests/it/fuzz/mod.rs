//! Every reader against damaged files: mutated valid ones, and those that were found to break one.
//!
//! `LOSSWALK_FUZZ=SECONDS` goes on so long with each reader, counted in processor time, so that a busy
//! machine tries as much; a few hundred inputs each unless it is set.
//! What breaks a reader is kept in `target/tmp/fuzz/READER/found-N`, and belongs into
//! `tests/it/fuzz/corpus/READER/` once the reader is mended. Where a reader takes the whole process
//! along, the input is `target/tmp/fuzz/READER/last`.

mod arrays;
mod experiments;
mod images;
mod mutation;
mod parameters;
mod published;
mod records;
mod reports;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cpu_time::{ProcessTime, ThreadTime};
use mutation::Mutator;

use crate::program::TestResult;

/// Inputs unless the environment says how long.
const TRIES: usize = 300;
/// No reader computes longer.
const HANG: Duration = Duration::from_secs(5);
/// Behind this, the process is given up, even on a busy machine.
const HOPELESS: Duration = Duration::from_secs(300);
/// No reader of a small file takes so many KiB.
const BLOAT: u64 = 1 << 20;

/// A reader of files, and valid ones to begin with.
pub struct Target<'a> {
    /// Its name, and that of its folders.
    pub name: &'static str,
    pub seeds: Vec<Vec<u8>>,
    /// Words of the format, besides those in the seeds.
    pub words: &'a [&'a str],
    /// Makes a mutated file look whole again, such as by its checksums.
    pub repair: fn(&mut [u8]),
}

impl Target<'_> {
    /// A reader of bytes that have no checksums.
    pub fn new(name: &'static str, seeds: Vec<Vec<u8>>) -> Self {
        Self { name, seeds, words: &[], repair: |_| {} }
    }

    /// Tries the seeds, which must be read, the corpus, and mutations of both; `read` returns whether it
    /// took the input for valid.
    pub fn fuzz(mut self, mut read: impl FnMut(&[u8]) -> bool) -> TestResult {
        let bench = Bench::new(self.name)?;
        for (index, seed) in self.seeds.iter().enumerate() {
            assert!(read(seed), "seed {index} of {} is refused", self.name);
        }
        let corpus = files(&Path::new("tests/it/fuzz/corpus").join(self.name))?;
        let (mut tried, mut valid, mut faults) = (0, 0, Vec::new());
        let mut attempt = |input: &[u8]| -> TestResult {
            tried += 1;
            match bench.attempt(input, &mut read)? {
                Ok(is_valid) => valid += usize::from(is_valid),
                Err(fault) => faults.push(fault),
            }
            Ok(())
        };
        corpus.iter().try_for_each(|input| attempt(input))?;
        self.seeds.extend(corpus);
        let mut mutator = Mutator::new(seed()?, &self.seeds, self.words);
        let (begin, length) = (ProcessTime::now(), length()?);
        for index in 0.. {
            if length.map_or(index >= TRIES, |length| begin.elapsed() > length) {
                break;
            }
            let mut input = mutator.mutated();
            if mutator.chance(2) {
                (self.repair)(&mut input);
            }
            attempt(&input)?;
        }
        println!("{}: {tried} inputs, {valid} of them valid, {} faults", self.name, faults.len());
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        Ok(())
    }
}

/// Where one reader is tried.
struct Bench {
    name: &'static str,
    folder: PathBuf,
    watchdog: Watchdog,
}

impl Bench {
    fn new(name: &'static str) -> TestResult<Self> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz").join(name);
        fs::create_dir_all(&folder)?;
        Ok(Self { name, folder, watchdog: Watchdog::over(name) })
    }

    /// Reads an input; what is wrong with how that went, if anything.
    fn attempt(
        &self,
        input: &[u8],
        read: &mut impl FnMut(&[u8]) -> bool,
    ) -> TestResult<Result<bool, String>> {
        fs::write(self.folder.join("last"), input)?;
        let (begin, before) = (ThreadTime::now(), peak());
        self.watchdog.is_alive();
        let outcome = catch_unwind(AssertUnwindSafe(|| read(input)));
        let (took, grew) = (begin.elapsed(), peak().saturating_sub(before));
        let fault = match outcome {
            Err(_) => "panics".to_owned(),
            Ok(_) if took > HANG => format!("takes {took:?}"),
            Ok(_) if grew > BLOAT => format!("takes {grew} KiB"),
            Ok(is_valid) => return Ok(Ok(is_valid)),
        };
        let path = self.folder.join(format!("found-{}", files(&self.folder)?.len()));
        fs::write(&path, input)?;
        Ok(Err(format!("{}: {fault} on {}", self.name, path.display())))
    }
}

/// Ends the process when nothing is tried for too long: no test can end a reader that hangs.
struct Watchdog(Arc<Mutex<Instant>>);

impl Watchdog {
    fn over(name: &'static str) -> Self {
        let newest = Arc::new(Mutex::new(Instant::now()));
        let watched = Arc::downgrade(&newest);
        std::thread::spawn(move || {
            while let Some(newest) = watched.upgrade() {
                if newest.lock().is_ok_and(|newest| newest.elapsed() > HOPELESS) {
                    eprintln!("{name} hangs on target/tmp/fuzz/{name}/last");
                    std::process::abort();
                }
                drop(newest);
                std::thread::sleep(Duration::from_secs(1));
            }
        });
        Self(newest)
    }

    fn is_alive(&self) {
        if let Ok(mut newest) = self.0.lock() {
            *newest = Instant::now();
        }
    }
}

/// Peak resident memory of this process in KiB; 0 where nothing says so.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// The content of every file in a folder, in the order of their names; none without the folder.
fn files(folder: &Path) -> TestResult<Vec<Vec<u8>>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in entries {
        paths.push(entry?.path());
    }
    paths.sort();
    Ok(paths.into_iter().map(fs::read).collect::<Result<_, _>>()?)
}

/// How long to try each reader, if the environment says so.
fn length() -> TestResult<Option<Duration>> {
    match std::env::var("LOSSWALK_FUZZ") {
        Ok(seconds) => Ok(Some(Duration::from_secs(seconds.parse()?))),
        Err(_) => Ok(None),
    }
}

/// The same inputs every time in a test, others in every longer search.
fn seed() -> TestResult<u64> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(length()?.map_or(1, |_| now.as_nanos() as u64))
}
