//! Ctrl-C and SIGTERM.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Exit;
use crate::objective::Interrupt;
use crate::partial;

/// What a signal does: it ends the process at once, and removes what is half made; but during a walk it
/// asks the walk to stop, and only a second one ends the process.
#[derive(Debug, Default)]
pub(super) struct Signals {
    interrupt: Interrupt,
    is_gentle: Arc<AtomicBool>,
}

impl Signals {
    /// Listens from now on; one of several ranks `speaks` about it.
    pub(super) fn listen(speaks: bool) -> anyhow::Result<Self> {
        let signals = Self::default();
        let (interrupt, is_gentle) = (signals.interrupt.clone(), signals.is_gentle.clone());
        ctrlc::set_handler(move || {
            let is_second = interrupt.raise();
            if is_second || !is_gentle.load(Ordering::SeqCst) {
                end(speaks);
            }
            if speaks {
                eprintln!("stopping; press Ctrl-C again to stop at once");
            }
        })?;
        Ok(signals)
    }

    /// What a signal asks to stop.
    pub(super) fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// Does work that looks at the interruption by itself.
    pub(super) fn gently<T>(&self, work: impl FnOnce() -> T) -> T {
        self.is_gentle.store(true, Ordering::SeqCst);
        let done = work();
        self.is_gentle.store(false, Ordering::SeqCst);
        done
    }
}

fn end(speaks: bool) -> ! {
    let _nothing_begins = partial::remove_all();
    if speaks {
        eprintln!("interrupted");
    }
    std::process::exit(Exit::Interrupted as i32)
}
