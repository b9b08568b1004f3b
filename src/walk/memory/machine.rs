//! How much memory there is.

use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// Bytes of memory and swap of this machine, or of the container that this process may use.
///
/// Not what is free: that changes, and a run that was begun shall resume. Where nothing is known, the
/// largest number there is.
pub(super) fn memory() -> u64 {
    let kind = RefreshKind::nothing().with_memory(MemoryRefreshKind::everything());
    let system = System::new_with_specifics(kind);
    let all = system.total_memory().saturating_add(system.total_swap());
    let container = system.cgroup_limits().map(|limits| limits.total_memory);
    [Some(all), container]
        .into_iter()
        .flatten()
        .filter(|&bytes| bytes > 0)
        .min()
        .unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_as_much_as_a_machine_can_have() {
        assert!((1 << 26..1 << 50).contains(&memory()), "{}", memory());
    }
}
