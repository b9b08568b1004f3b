//! The one type that knows every path of a run folder.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::atomic::{remove, remove_published, remove_temporaries};
use super::manifest::OLDEST_VERSION;
use super::{
    FORMAT_VERSION, LineRecord, Manifest, PointRecord, RunError, StepRecord, TimingRecord,
    read_records, write_atomic,
};

/// A run folder. Holding one from [`RunFolder::create`] or [`RunFolder::resume`] locks it against
/// other writers until it is dropped.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    lock: Option<File>,
}

impl RunFolder {
    /// Creates a new run folder with its first manifest; refuses one that exists.
    pub fn create(path: &Path, manifest: &Manifest, experiment: &str) -> Result<Self, RunError> {
        if path.join("manifest.json").exists() || !is_empty_or_missing(path)? {
            return Err(RunError::Exists { path: path.to_owned() });
        }
        fs::create_dir_all(path).map_err(RunError::io("create", path))?;
        let folder = Self { path: path.to_owned(), lock: Some(lock(path)?) };
        write_atomic(&folder.experiment(), experiment.as_bytes())?;
        folder.write_manifest(manifest)?;
        Ok(folder)
    }

    /// True for the leftovers of a start that was killed before its first manifest.
    pub fn is_unfinished_start(path: &Path) -> Result<bool, RunError> {
        Ok(path.is_dir() && is_empty_or_missing(path)?)
    }

    /// Opens an existing run folder for writing.
    pub fn resume(path: &Path) -> Result<Self, RunError> {
        let mut folder = Self::open(path)?;
        folder.lock = Some(lock(path)?);
        folder.remove_temporaries()?;
        Ok(folder)
    }

    /// Removes a run, so that another can take its place; leaves alone what is no run, or is being
    /// written to.
    pub fn remove(path: &Path) -> Result<(), RunError> {
        Self::open(path)?;
        drop(lock(path)?);
        remove_published(path)
    }

    /// Removes temporary files and folders, which a process that was killed leaves.
    pub fn remove_temporaries(&self) -> Result<(), RunError> {
        let folders = [
            "",
            "checkpoints",
            "eigenvectors",
            "export",
            "figures",
            "iterates",
            "orders",
            "unfinished",
        ];
        folders.iter().try_for_each(|folder| remove_temporaries(&self.path.join(folder)))
    }

    /// Removes what unfinished measurements have computed: nobody is going to finish them.
    pub fn remove_unfinished(&self) -> Result<(), RunError> {
        remove(&self.path.join("unfinished"))
    }

    /// Opens an existing run folder for reading.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        if !path.join("manifest.json").is_file() {
            return Err(RunError::NotARun { path: path.to_owned() });
        }
        Ok(Self { path: path.to_owned(), lock: None })
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `run.toml`.
    pub fn experiment(&self) -> PathBuf {
        self.path.join("run.toml")
    }

    /// `steps.jsonl`.
    pub fn steps_log(&self) -> PathBuf {
        self.path.join("steps.jsonl")
    }

    /// `line.jsonl`.
    pub fn line_log(&self) -> PathBuf {
        self.path.join("line.jsonl")
    }

    /// The record file of one kind of measurement at points.
    pub fn point_log<R: PointRecord>(&self) -> PathBuf {
        self.path.join(R::LOG)
    }

    /// `eigenvectors/step-NNNNNNNN-I.safetensors`, the I-th largest eigenvector (from 1) before step
    /// `step`, under the names of the parameters.
    pub fn eigenvector(&self, step: u64, index: usize) -> PathBuf {
        self.path.join("eigenvectors").join(format!("step-{step:08}-{index}.safetensors"))
    }

    /// `unfinished/NAME-step-NNNNNNNN`, the journal of one kind of measurement before step `step`.
    pub fn journal<R: PointRecord>(&self, step: u64) -> PathBuf {
        let name = R::LOG.trim_end_matches(".jsonl");
        self.path.join("unfinished").join(format!("{name}-step-{step:08}"))
    }

    /// `timing.jsonl`.
    pub fn timing_log(&self) -> PathBuf {
        self.path.join("timing.jsonl")
    }

    /// `evaluation_order.npy`.
    pub fn evaluation_order(&self) -> PathBuf {
        self.path.join("evaluation_order.npy")
    }

    /// `checkpoints/`.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// `iterates/step-NNNNNNNN.safetensors`, theta before step `step`.
    pub fn iterate(&self, step: u64) -> PathBuf {
        self.path.join("iterates").join(format!("step-{step:08}.safetensors"))
    }

    /// `orders/epoch-NNNN.npy`, the order in which an epoch visits the samples.
    pub fn epoch_order(&self, epoch: u64) -> PathBuf {
        self.path.join("orders").join(format!("epoch-{epoch:04}.npy"))
    }

    /// `figures/`.
    pub fn figures(&self) -> PathBuf {
        self.path.join("figures")
    }

    /// `export/`.
    pub fn export(&self) -> PathBuf {
        self.path.join("export")
    }

    /// `report.html`.
    pub fn report(&self) -> PathBuf {
        self.path.join("report.html")
    }

    /// Every complete line of `steps.jsonl`.
    pub fn steps(&self) -> Result<Vec<StepRecord>, RunError> {
        read_records(&self.steps_log())
    }

    /// Every complete line of `line.jsonl`; empty if no line was measured.
    pub fn lines(&self) -> Result<Vec<LineRecord>, RunError> {
        read_records(&self.line_log())
    }

    /// Every complete record of one kind of measurement at points; empty if there was none.
    pub fn points<R: PointRecord>(&self) -> Result<Vec<R>, RunError> {
        read_records(&self.point_log::<R>())
    }

    /// Every complete line of `timing.jsonl`.
    pub fn timings(&self) -> Result<Vec<TimingRecord>, RunError> {
        read_records(&self.timing_log())
    }

    /// Reads the manifest; refuses a format that this version does not know.
    pub fn manifest(&self) -> Result<Manifest, RunError> {
        let path = self.path.join("manifest.json");
        let bytes = fs::read(&path).map_err(RunError::io("read", &path))?;
        let manifest: Manifest = serde_json::from_slice(&bytes)
            .map_err(|error| RunError::content(&path, format!("not a manifest: {error}")))?;
        let found = manifest.format_version;
        if (OLDEST_VERSION..=FORMAT_VERSION).contains(&found) {
            return Ok(manifest);
        }
        let problem = format!(
            "format version {found}; this losswalk reads {OLDEST_VERSION} to {FORMAT_VERSION}: use the version that wrote it ({})",
            manifest.version
        );
        Err(RunError::content(path, problem))
    }

    /// Replaces the manifest.
    pub fn write_manifest(&self, manifest: &Manifest) -> Result<(), RunError> {
        let path = self.path.join("manifest.json");
        let mut text = serde_json::to_vec_pretty(manifest)
            .map_err(|error| RunError::content(&path, error.to_string()))?;
        text.push(b'\n');
        write_atomic(&path, &text)
    }
}

/// A start that was killed before the manifest stood leaves no more than these.
fn is_empty_or_missing(path: &Path) -> Result<bool, RunError> {
    let is_leftover = |name: &[u8]| name.starts_with(b".") || name == b"run.toml";
    match fs::read_dir(path) {
        Ok(entries) => {
            Ok(entries.flatten().all(|entry| is_leftover(entry.file_name().as_encoded_bytes())))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(RunError::io("list", path)(error)),
    }
}

fn lock(path: &Path) -> Result<File, RunError> {
    let lock_path = path.join(".lock");
    let file = File::create(&lock_path).map_err(RunError::io("create", &lock_path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(RunError::Busy { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(RunError::io("lock", lock_path)(error)),
    }
}
