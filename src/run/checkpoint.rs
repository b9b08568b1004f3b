//! Checkpoints: a set of files published by one rename, the last two kept.
//!
//! A checkpoint is the folder `checkpoints/step-NNNNNNNN/`. It is filled under a temporary name,
//! synced and renamed, so a folder with the final name is complete.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::atomic::{rename_synced, sync_folder, write_synced};
use super::{RunError, Tensors};

/// What resuming needs: the state of the walk before step `step`.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// The next step to take.
    pub step: u64,
    /// sum of the update norms so far.
    pub path_length: f64,
    /// theta and the running statistics, under the state-dict names.
    pub parameters: Tensors,
    /// Momentum buffer and previous gradient, flat, absent before the first step.
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
    /// Publishes the checkpoint in `folder` and removes all but step 0 and the newest two.
    pub fn save(&self, folder: &Path) -> Result<(), RunError> {
        let name = format!("step-{:08}", self.step);
        let temporary = folder.join(format!(".{name}.tmp"));
        remove_folder(&temporary)?;
        fs::create_dir_all(&temporary).map_err(RunError::io("create", &temporary))?;
        let state = State { step: self.step, path_length: self.path_length };
        let state = serde_json::to_vec(&state)
            .map_err(|error| RunError::content(&temporary, error.to_string()))?;
        write_synced(&temporary.join(PARAMETERS), &self.parameters.encode()?)?;
        write_synced(&temporary.join(OPTIMIZER), &self.optimizer.encode()?)?;
        write_synced(&temporary.join(STATE), &state)?;
        sync_folder(&temporary)?;
        let path = folder.join(name);
        remove_folder(&path)?;
        rename_synced(&temporary, &path)?;
        prune(folder)
    }

    /// Loads the newest checkpoint in `folder`; none if there is none.
    pub fn load_newest(folder: &Path) -> Result<Option<Self>, RunError> {
        published(folder)?.pop().map(|(_, path)| Self::load(&path)).transpose()
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

/// The complete checkpoints, oldest first.
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

fn prune(folder: &Path) -> Result<(), RunError> {
    let later: Vec<_> = published(folder)?.into_iter().filter(|(step, _)| *step > 0).collect();
    let surplus = later.len().saturating_sub(KEPT);
    later.iter().take(surplus).try_for_each(|(_, path)| remove_folder(path))
}

fn remove_folder(path: &Path) -> Result<(), RunError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(RunError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
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

    #[test]
    fn the_newest_complete_checkpoint_is_loaded() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        assert_eq!(Checkpoint::load_newest(folder.path())?, None);
        for step in [0, 5, 10, 15] {
            checkpoint(step).save(folder.path())?;
        }
        fs::create_dir(folder.path().join(".step-00000020.tmp"))?;
        let newest = Checkpoint::load_newest(folder.path())?.ok_or("no checkpoint")?;
        assert_eq!(newest.step, 15);
        assert_eq!(newest.parameters, checkpoint(15).parameters);
        let steps: Vec<_> = published(folder.path())?.into_iter().map(|(step, _)| step).collect();
        assert_eq!(steps, [0, 10, 15]);
        Ok(())
    }
}
