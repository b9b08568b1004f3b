//! Progress on stderr: a bar on a terminal, a line now and then otherwise.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::run::RunError;
use crate::walk::{Event, Observer};

/// Time between plain lines.
const INTERVAL: Duration = Duration::from_secs(10);

/// Watches a walk. Progress is counted in work, not in steps: a measured step costs a thousand
/// others, and the time left should say so.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    /// A line now and then.
    has_lines: bool,
    last_line: Instant,
    /// When counting began, and the work done before.
    start: (Instant, u64),
}

impl Progress {
    /// Nothing is shown of a quiet one.
    pub(super) fn new(is_quiet: bool) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let target = if is_terminal && !is_quiet {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3}%  {msg}") {
            bar.set_style(style);
        }
        let now = Instant::now();
        Self { bar, has_lines: !is_terminal && !is_quiet, last_line: now, start: (now, 0) }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// The time left at the pace so far.
    fn time_left(&self) -> Option<Duration> {
        let (begin, before) = self.start;
        let (done, all) = (self.bar.position(), self.bar.length()?);
        let pace = begin.elapsed().as_secs_f64() / done.checked_sub(before)? as f64;
        Duration::try_from_secs_f64(pace * all.checked_sub(done)? as f64).ok()
    }

    fn say(&mut self, text: &str) {
        let left = self.time_left().filter(|left| !left.is_zero());
        let left = left.map(|left| format!("{} left  ", indicatif::HumanDuration(left)));
        let text = format!("{}{text}", left.unwrap_or_default());
        if self.has_lines && self.last_line.elapsed() >= INTERVAL {
            let percent = 100 * self.bar.position() / self.bar.length().unwrap_or(1).max(1);
            eprintln!("{percent:>3}%  {text}");
            self.last_line = Instant::now();
        }
        self.bar.set_message(text);
    }
}

impl Observer for Progress {
    fn passed_over(&mut self, damaged: &RunError) {
        eprintln!("warning: going on without a damaged checkpoint: {damaged}");
    }

    fn begin(&mut self, work: u64, done: u64) {
        self.bar.set_length(work);
        self.bar.set_position(done);
        self.start = (Instant::now(), done);
    }

    fn step(&mut self, event: Event) {
        let Event { record, total_steps, work } = event;
        self.bar.inc(work);
        let loss = record.batch_loss.unwrap_or(f64::NAN);
        self.say(&format!(
            "epoch {}  step {}/{total_steps}  batch loss {loss:.4}",
            record.epoch,
            record.step + 1
        ));
    }

    fn measuring(&mut self, what: &str, work: u64) {
        self.bar.inc(work);
        self.say(what);
    }
}
