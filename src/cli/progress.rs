//! Progress on stderr: a bar on a terminal, a line now and then otherwise.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::walk::{Event, Observer};

/// Time between plain lines.
const INTERVAL: Duration = Duration::from_secs(10);

/// A time left that is longer is no estimate: nothing has been counted for a while.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// Watches a walk. Progress is counted in work, not in steps: a measured step costs a thousand
/// others, and the time left should say so.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
    last_line: Instant,
}

impl Progress {
    pub(super) fn new() -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let target =
            if is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3}%  {eta} left  {msg}")
        {
            bar.set_style(style);
        }
        Self { bar, is_terminal, last_line: Instant::now() }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn plain_line(&mut self, text: &str) {
        if !self.is_terminal && self.last_line.elapsed() >= INTERVAL {
            let percent = 100 * self.bar.position() / self.bar.length().unwrap_or(1).max(1);
            let left = Some(self.bar.eta()).filter(|left| *left < LONGEST && !left.is_zero());
            let left = left.map(|left| format!("{} left  ", indicatif::HumanDuration(left)));
            eprintln!("{percent:>3}%  {}{text}", left.unwrap_or_default());
            self.last_line = Instant::now();
        }
    }
}

impl Observer for Progress {
    fn begin(&mut self, work: u64, done: u64) {
        self.bar.set_length(work);
        self.bar.set_position(done);
        self.bar.reset_eta();
    }

    fn step(&mut self, event: Event) {
        let Event { record, total_steps, work } = event;
        self.bar.inc(work);
        let loss = record.batch_loss.unwrap_or(f64::NAN);
        let text = format!(
            "epoch {}  step {}/{total_steps}  batch loss {loss:.4}",
            record.epoch,
            record.step + 1
        );
        self.plain_line(&text);
        self.bar.set_message(text);
    }

    fn measuring(&mut self, what: &str) {
        self.plain_line(what);
        self.bar.set_message(what.to_owned());
    }
}
