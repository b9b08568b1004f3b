//! What is served at the moment: one thread renders it, those of the clients read it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Debug, Default)]
pub(super) struct Board {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Clone, Default)]
pub(super) struct State {
    /// The run folder; none before a run has one.
    pub(super) folder: Option<PathBuf>,
    /// Counts pages.
    pub(super) version: u64,
    pub(super) page: Arc<str>,
    pub(super) title: Arc<str>,
    /// Streams of events that are open.
    pub(super) streams: usize,
    /// The run has ended: what is new is to be shown at once.
    pub(super) is_ending: bool,
}

impl Board {
    /// Nothing that is done under the lock can leave the state in pieces.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state(&self) -> State {
        self.lock().clone()
    }

    /// Changes the state and wakes all who wait for it.
    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    pub(super) fn follow(&self, folder: &Path) {
        self.change(|state| state.folder = Some(folder.to_owned()));
    }

    pub(super) fn publish(&self, page: String, title: String) {
        self.change(|state| {
            state.version += 1;
            (state.page, state.title) = (page.into(), title.into());
        });
    }

    /// The state once `is_awaited` holds of it, or when the time is up.
    pub(super) fn wait(&self, time: Duration, is_awaited: impl Fn(&State) -> bool) -> State {
        let waits = |state: &mut State| !is_awaited(state);
        let waited = self.changed.wait_timeout_while(self.lock(), time, waits);
        waited.unwrap_or_else(PoisonError::into_inner).0.clone()
    }
}
