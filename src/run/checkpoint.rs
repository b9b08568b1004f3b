//! Checkpoints: a set of files published by one rename, the last two kept.
//!
//! A checkpoint is the folder `checkpoints/step-NNNNNNNN/`. It is filled under a temporary name,
//! synced and renamed, and renamed again before it is removed, so a folder with the final name is
//! whole. One that is damaged all the same is passed over.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::RunError;
use super::atomic::{
    remove, remove_published, rename_synced, sync_folder, temporary, write_synced,
};
use crate::parameters::Tensors;

/// What resuming needs: the state of the walk before step `step`.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// The next step to take.
    pub step: u64,
    /// sum of the update norms so far.
    pub path_length: f64,
    /// theta and the running statistics, under the state-dict names.
    pub parameters: Tensors,
    /// What the optimiser carries along, the previous gradient and theta; flat, absent before the
    /// first step.
    pub optimizer: Tensors,
}

#[derive(Serialize, Deserialize)]
struct State {
    step: u64,
    path_length: f64,
}

const PARAMETERS: &str = "parameters.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const STATE: &str = "state.json";
/// Checkpoints that stay besides the one of step 0.
const KEPT: usize = 2;

impl Checkpoint {
    /// Publishes the checkpoint in `folder`, where step 0 and the newest two stay. If it is there
    /// already, it is left alone; what else is not older could not be loaded, and goes.
    pub fn save(&self, folder: &Path) -> Result<(), RunError> {
        let path = folder.join(format!("step-{:08}", self.step));
        let files = self.files()?;
        let is_there =
            |(name, bytes): &(_, _)| fs::read(path.join(name)).is_ok_and(|b| b == *bytes);
        if files.iter().all(is_there) {
            return Ok(());
        }
        let temporary = temporary(&path);
        remove(&temporary)?;
        fs::create_dir_all(&*temporary).map_err(RunError::io("create", &*temporary))?;
        for (name, bytes) in &files {
            write_synced(&temporary.join(name), bytes)?;
        }
        sync_folder(&temporary)?;
        make_room(folder, self.step)?;
        rename_synced(&temporary, &path)
    }

    /// Names and contents of its files.
    fn files(&self) -> Result<[(&'static str, Vec<u8>); 3], RunError> {
        let state = State { step: self.step, path_length: self.path_length };
        let state = serde_json::to_vec(&state)
            .map_err(|error| RunError::content(STATE, error.to_string()))?;
        let (parameters, optimizer) = (self.parameters.encode()?, self.optimizer.encode()?);
        Ok([(PARAMETERS, parameters), (OPTIMIZER, optimizer), (STATE, state)])
    }

    /// Loads the newest checkpoint in `folder` that is whole; none if there is none. The errors are
    /// those of newer ones.
    pub fn load_newest(folder: &Path) -> Result<(Option<Self>, Vec<RunError>), RunError> {
        let mut damaged = Vec::new();
        for (_, path) in published(folder)?.iter().rev() {
            match Self::load(path) {
                Ok(checkpoint) => return Ok((Some(checkpoint), damaged)),
                Err(error) => damaged.push(error),
            }
        }
        Ok((None, damaged))
    }

    fn load(path: &Path) -> Result<Self, RunError> {
        let state_path = path.join(STATE);
        let state = fs::read(&state_path).map_err(RunError::io("read", &state_path))?;
        let state: State = serde_json::from_slice(&state)
            .map_err(|error| RunError::content(&state_path, error.to_string()))?;
        Ok(Self {
            step: state.step,
            path_length: state.path_length,
            parameters: Tensors::read(&path.join(PARAMETERS))?,
            optimizer: Tensors::read(&path.join(OPTIMIZER))?,
        })
    }
}

/// The published checkpoints, oldest first.
fn published(folder: &Path) -> Result<Vec<(u64, PathBuf)>, RunError> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(RunError::io("list", folder))? {
        let entry = entry.map_err(RunError::io("list", folder))?;
        let name = entry.file_name();
        let step = name.to_str().and_then(|name| name.strip_prefix("step-")?.parse().ok());
        found.extend(step.map(|step| (step, entry.path())));
    }
    found.sort();
    Ok(found)
}

/// Removes what the checkpoint of `step` replaces, the oldest first.
fn make_room(folder: &Path, step: u64) -> Result<(), RunError> {
    let published = published(folder)?;
    let (mut older, damaged): (Vec<_>, Vec<_>) =
        published.into_iter().partition(|(published, _)| *published < step);
    older.retain(|(step, _)| *step > 0);
    older.truncate((older.len() + 1).saturating_sub(KEPT));
    older.iter().chain(&damaged).try_for_each(|(_, path)| remove_published(path))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn checkpoint(step: u64) -> Checkpoint {
        let values = vec![0.1, -2.0, step as f64];
        let entries = BTreeMap::from([("w".to_owned(), (vec![3], values))]);
        let parameters = Tensors { entries, single: false };
        Checkpoint { step, path_length: 0.1, parameters, optimizer: Tensors::default() }
    }

    fn steps(folder: &Path) -> Result<Vec<u64>, RunError> {
        Ok(published(folder)?.into_iter().map(|(step, _)| step).collect())
    }

    #[test]
    fn the_start_and_the_newest_two_stay() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        assert_eq!(Checkpoint::load_newest(folder.path())?.0, None);
        for step in [0, 5, 10, 15] {
            checkpoint(step).save(folder.path())?;
        }
        fs::create_dir(folder.path().join(".step-00000020.tmp"))?;
        let (newest, damaged) = Checkpoint::load_newest(folder.path())?;
        let newest = newest.ok_or("no checkpoint")?;
        assert_eq!(newest.parameters, checkpoint(15).parameters);
        assert!(newest.step == 15 && damaged.is_empty());
        assert_eq!(steps(folder.path())?, [0, 10, 15]);
        Ok(())
    }

    #[test]
    fn damaged_ones_are_passed_over_and_then_replaced() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        for step in [0, 5, 10] {
            checkpoint(step).save(folder.path())?;
        }
        fs::remove_file(folder.path().join("step-00000010").join(STATE))?;
        let (newest, damaged) = Checkpoint::load_newest(folder.path())?;
        assert_eq!(newest.map(|newest| newest.step), Some(5));
        assert!(damaged.len() == 1 && damaged[0].to_string().contains("step-00000010"));
        checkpoint(8).save(folder.path())?;
        assert_eq!(steps(folder.path())?, [0, 5, 8]);
        fs::write(folder.path().join("step-00000008").join(PARAMETERS), "")?;
        checkpoint(8).save(folder.path())?;
        let newest = Checkpoint::load_newest(folder.path())?.0;
        assert_eq!(newest.map(|newest| newest.step), Some(8));
        Ok(())
    }

    #[test]
    fn one_that_is_there_is_not_touched() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        checkpoint(0).save(folder.path())?;
        let written = |name| fs::metadata(folder.path().join(name))?.modified();
        let before = written("step-00000000")?;
        checkpoint(0).save(folder.path())?;
        assert_eq!(written("step-00000000")?, before);
        Ok(())
    }
}
