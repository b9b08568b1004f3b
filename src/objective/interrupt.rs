//! A request to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::ObjectiveError;

/// A request to stop, shared between threads; raised by Ctrl-C.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Asks everyone to stop. Returns true if somebody had asked before.
    pub fn raise(&self) -> bool {
        self.0.swap(true, Ordering::SeqCst)
    }

    /// An error once somebody asked.
    pub fn check(&self) -> Result<(), ObjectiveError> {
        if self.0.load(Ordering::Relaxed) { Err(ObjectiveError::Interrupted) } else { Ok(()) }
    }
}
