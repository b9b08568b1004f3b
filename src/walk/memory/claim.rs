//! Memory that single settings ask for, and whether the machine has it.

use std::fmt;

use indicatif::DecimalBytes;

use crate::memory;

/// Memory that a setting asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Dotted key of the setting.
    pub key: String,
    /// Its value.
    pub value: String,
    /// What is held.
    pub what: &'static str,
    /// Bytes of it.
    pub bytes: u64,
}

/// Settings ask for more memory than the machine has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this needs {} of memory, and {bound} {}; lower what asks for most:{}", DecimalBytes(*need), DecimalBytes(*limit), listed(claims))]
pub struct MemoryError {
    /// Bytes that all settings together ask for.
    pub need: u64,
    /// Bytes that there are.
    pub limit: u64,
    /// Why there are no more.
    pub bound: Bound,
    /// The largest claims, the very largest first.
    pub claims: Vec<Claim>,
}

/// What limits memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The memory and swap of the machine or container.
    Machine,
    /// What the system grants this process.
    Process,
}

impl Claim {
    /// So many vectors of so many 64-bit numbers.
    pub fn vectors(
        key: impl Into<String>,
        value: impl fmt::Display,
        what: &'static str,
        [count, length]: [usize; 2],
    ) -> Self {
        Self::new(key, value, what, product([count, length, size_of::<f64>()]))
    }

    /// The same on each of so many processes.
    pub fn on(self, processes: usize) -> Self {
        let value = match processes {
            1 => self.value,
            _ => format!("{} on {processes} ranks", self.value),
        };
        Self { value, bytes: self.bytes.saturating_mul(processes as u64), ..self }
    }

    pub(in crate::walk) fn new(
        key: impl Into<String>,
        value: impl fmt::Display,
        what: &'static str,
        bytes: u64,
    ) -> Self {
        Self { key: key.into(), value: value.to_string(), what, bytes }
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let Self { key, value, what, bytes } = self;
        write!(formatter, "{key} = {value}: {} for {what}", DecimalBytes(*bytes))
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::Machine => "the machine has",
            Self::Process => "a limit of this process (ulimit -v) leaves it",
        })
    }
}

/// An error if all claims together are more than the machine has, or than this process gets.
pub fn check(claims: Vec<Claim>) -> Result<(), MemoryError> {
    let need = claims.iter().map(|claim| claim.bytes).fold(0, u64::saturating_add);
    let machine = memory::of_machine();
    if need > machine {
        return Err(MemoryError::new(need, (machine, Bound::Machine), claims));
    }
    let granted = memory::granted(need, machine);
    if need > granted {
        return Err(MemoryError::new(need, (granted, Bound::Process), claims));
    }
    Ok(())
}

/// A claim below this share of the largest is not worth a line.
const LISTED_SHARE: u64 = 20;

impl MemoryError {
    fn new(need: u64, (limit, bound): (u64, Bound), mut claims: Vec<Claim>) -> Self {
        claims.sort_by_key(|claim| std::cmp::Reverse(claim.bytes));
        let least = claims.first().map_or(0, |largest| largest.bytes / LISTED_SHARE);
        claims.retain(|claim| claim.bytes >= least);
        Self { need, limit, bound, claims }
    }
}

/// A product, or the largest number there is.
pub(in crate::walk) fn product<const N: usize>(factors: [usize; N]) -> u64 {
    factors.into_iter().fold(1, |product: u64, factor| product.saturating_mul(factor as u64))
}

fn listed(claims: &[Claim]) -> String {
    claims.iter().map(|claim| format!("\n  {claim}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_together_is_listed_by_size() {
        let claim = |key: &str, bytes| Claim::new(key, 7, "nothing", bytes);
        let claims = vec![claim("small", 40), claim("large", 1000), claim("middle", 600)];
        let error = MemoryError::new(1640, (1639, Bound::Machine), claims);
        let expected = "this needs 1.64 kB of memory, and the machine has 1.64 kB; lower what asks for \
                        most:\n  large = 7: 1.00 kB for nothing\n  middle = 7: 600 B for nothing";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn no_number_is_too_large_to_be_reckoned() {
        let huge = Claim::vectors("a", usize::MAX, "nothing", [usize::MAX, usize::MAX]);
        assert_eq!(huge.bytes, u64::MAX);
        let error = check(vec![huge.clone(), huge]).err().map(|error| (error.need, error.bound));
        assert_eq!(error, Some((u64::MAX, Bound::Machine)));
        assert_eq!(check(Vec::new()), Ok(()));
        assert_eq!(product([usize::MAX, 0]), 0);
    }
}
