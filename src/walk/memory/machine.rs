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

/// Of `need` bytes, as many as the system lets this process have, less a quarter for what is not
/// reckoned: all of them unless something such as `ulimit -v` is in the way. `memory` is what there is.
///
/// Asked for and given back unused, which no reading of limits can replace: allocators reserve more than
/// they use.
pub(super) fn granted(need: u64, memory: u64) -> u64 {
    // Systems grant nothing beyond their memory at once.
    let needed = need.saturating_add(need / 3).min(memory);
    if is_granted(needed) {
        return need;
    }
    let (mut least, mut most) = (0, needed);
    while most - least > 1 << 20 {
        let middle = least + (most - least) / 2;
        *if is_granted(middle) { &mut least } else { &mut most } = middle;
    }
    least / 4 * 3
}

fn is_granted(bytes: u64) -> bool {
    let mut block = Vec::<u8>::new();
    let is_granted = usize::try_from(bytes).is_ok_and(|n| block.try_reserve_exact(n).is_ok());
    // So that the compiler cannot do without it.
    std::hint::black_box(&block);
    is_granted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_as_much_as_a_machine_can_have() {
        assert!((1 << 26..1 << 50).contains(&memory()), "{}", memory());
    }

    #[test]
    fn no_more_is_granted_than_can_be() {
        assert_eq!(granted(1 << 26, memory()), 1 << 26);
        // More than a process can address.
        let granted = granted(1 << 60, u64::MAX);
        assert!((1 << 26..1 << 50).contains(&granted), "{granted}");
    }
}
