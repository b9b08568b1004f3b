//! Peak resident memory of this process, where the system tells it (Linux).

use std::fs;

/// Starts a new peak. Where that is not possible, the old one goes on.
pub(super) fn reset() {
    // "5" resets the peak: proc_pid_clear_refs(5).
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// Bytes at the peak since the last reset.
pub(super) fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(1024 * kibibytes)
}
