//! How much memory there is, and files that may be more than it holds.
//!
//! Systems promise more memory than they have, and kill who takes them at their word. So what a file
//! asks for is compared with the machine's before it is taken.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use indicatif::DecimalBytes;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// Bytes of memory and swap of this machine, or of the container that this process may use.
///
/// Not what is free: that changes, and a run that was begun shall resume. Where nothing is known, the
/// largest number there is.
pub(crate) fn of_machine() -> u64 {
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
pub(crate) fn granted(need: u64, memory: u64) -> u64 {
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

/// The content of a file.
///
/// # Errors
/// One that cannot be read, and one larger than the machine's memory.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let (mut file, mut bytes) = (File::open(path)?, Vec::new());
    reserve(&mut bytes, file.metadata()?.len())?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Room for so many bytes more.
///
/// # Errors
/// More than the machine's memory, or than the system grants.
pub(crate) fn reserve(bytes: &mut Vec<u8>, need: u64) -> io::Result<()> {
    reserve_within(bytes, need, of_machine())
}

fn reserve_within(bytes: &mut Vec<u8>, need: u64, memory: u64) -> io::Result<()> {
    let more = usize::try_from(need).ok().filter(|_| need <= memory);
    if more.is_some_and(|more| bytes.try_reserve_exact(more).is_ok()) {
        return Ok(());
    }
    let (need, limit) = (DecimalBytes(need), DecimalBytes(memory));
    let problem = format!("this takes {need} of memory, and the machine has {limit}");
    Err(io::Error::new(io::ErrorKind::OutOfMemory, problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_as_much_as_a_machine_can_have() {
        assert!((1 << 26..1 << 50).contains(&of_machine()), "{}", of_machine());
    }

    #[test]
    fn no_more_is_granted_than_can_be() {
        assert_eq!(granted(1 << 26, of_machine()), 1 << 26);
        // More than a process can address.
        let granted = granted(1 << 60, u64::MAX);
        assert!((1 << 26..1 << 50).contains(&granted), "{granted}");
    }

    #[test]
    fn a_file_larger_than_memory_is_refused() -> io::Result<()> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), "walk")?;
        assert_eq!(read(file.path())?, b"walk");
        // A hole: it takes no room on the disk.
        file.as_file().set_len(of_machine() + 1)?;
        let error = read(file.path()).err().map(|error| error.kind());
        assert_eq!(error, Some(io::ErrorKind::OutOfMemory));
        Ok(())
    }

    #[test]
    fn what_is_refused_says_need_and_limit() {
        let error = reserve_within(&mut Vec::new(), 2_500_000, 2_000_000).err();
        let expected = "this takes 2.50 MB of memory, and the machine has 2.00 MB";
        assert_eq!(error.map(|error| error.to_string()).as_deref(), Some(expected));
    }
}
