//! Results on stdout.

use std::fmt::Display;
use std::io::{Result, Write, stdout};

/// Writes a result. Fails where `println!` would panic: a reader such as `head` may have left.
pub(super) fn show(text: impl Display) -> Result<()> {
    let mut stdout = stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}
