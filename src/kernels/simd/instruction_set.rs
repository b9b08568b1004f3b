//! Choice of the instruction set at run time.

use std::sync::OnceLock;

use thiserror::Error;

use super::Lanes;
use super::portable::Portable;
#[cfg(all(test, target_arch = "x86_64"))]
use super::wide::Wide;
#[cfg(target_arch = "x86_64")]
use super::x86::{Avx2, Avx512};

/// What this process runs on.
static CHOSEN: OnceLock<InstructionSet> = OnceLock::new();

/// An instruction set that this CPU has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstructionSet(Detected);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detected {
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    Portable(Portable),
    #[cfg(all(test, target_arch = "x86_64"))]
    Wide(Wide),
}

/// An instruction set that cannot be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InstructionSetError {
    /// It has no such name, or the CPU does not have it.
    #[error("{name:?} is no instruction set of this CPU; it has {}", available.join(", "))]
    Unknown {
        /// What it was called.
        name: String,
        /// What there is.
        available: Vec<&'static str>,
    },
    /// Kernels run on another one already.
    #[error("kernels run on {} already", running.name())]
    Late {
        /// The one that they run on.
        running: InstructionSet,
    },
}

/// Code that is compiled once for each instruction set.
pub(crate) trait Kernel {
    /// What it returns.
    type Output;

    /// Runs it; must be `#[inline(always)]`, as everything hot that it calls.
    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}

impl InstructionSet {
    /// The one that this process runs on: the best, or what [`InstructionSet::choose`] named before.
    pub fn detect() -> Self {
        *CHOSEN.get_or_init(|| Self::all().next().unwrap_or(Self(Detected::Portable(Portable))))
    }

    /// Has this process run on one of `avx512`, `avx2` and `portable`.
    ///
    /// # Errors
    /// If the CPU does not have it, or something ran on another one before.
    pub fn choose(name: &str) -> Result<(), InstructionSetError> {
        let Some(chosen) = Self::all().find(|set| set.key() == name) else {
            let available = Self::all().map(Self::key).collect();
            return Err(InstructionSetError::Unknown { name: name.to_owned(), available });
        };
        let running = *CHOSEN.get_or_init(|| chosen);
        if running == chosen { Ok(()) } else { Err(InstructionSetError::Late { running }) }
    }

    /// All that this CPU has, the best first; in tests one more, of AVX-512's sizes.
    pub fn available() -> Vec<Self> {
        let available = Self::all();
        #[cfg(all(test, target_arch = "x86_64"))]
        let available = available.chain(Wide::detect().map(|wide| Self(Detected::Wide(wide))));
        available.collect()
    }

    fn all() -> impl Iterator<Item = Self> {
        let portable = Detected::Portable(Portable);
        #[cfg(target_arch = "x86_64")]
        let vectors = [Avx512::detect().map(Detected::Avx512), Avx2::detect().map(Detected::Avx2)];
        #[cfg(not(target_arch = "x86_64"))]
        let vectors: [Option<Detected>; 0] = [];
        vectors.into_iter().flatten().chain([portable]).map(Self)
    }

    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Detected::Avx512(_) => "AVX-512",
            #[cfg(target_arch = "x86_64")]
            Detected::Avx2(_) => "AVX2 and FMA",
            Detected::Portable(_) => "portable",
            #[cfg(all(test, target_arch = "x86_64"))]
            Detected::Wide(_) => "pairs of AVX2",
        }
    }

    /// Its name in settings.
    fn key(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Detected::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Detected::Avx2(_) => "avx2",
            Detected::Portable(_) => "portable",
            #[cfg(all(test, target_arch = "x86_64"))]
            Detected::Wide(_) => "wide",
        }
    }

    /// Numbers in a vector.
    pub fn width(self) -> usize {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Detected::Avx512(_) => Avx512::WIDTH,
            #[cfg(target_arch = "x86_64")]
            Detected::Avx2(_) => Avx2::WIDTH,
            Detected::Portable(_) => Portable::WIDTH,
            #[cfg(all(test, target_arch = "x86_64"))]
            Detected::Wide(_) => Wide::WIDTH,
        }
    }

    /// Runs `kernel` compiled for this instruction set.
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Detected::Avx512(token) => token.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Detected::Avx2(token) => token.run(kernel),
            Detected::Portable(token) => token.run(kernel),
            #[cfg(all(test, target_arch = "x86_64"))]
            Detected::Wide(token) => token.run(kernel),
        }
    }

    /// Those whose fused operations round once.
    #[cfg(test)]
    pub(crate) fn fused() -> impl Iterator<Item = Self> {
        struct Fused;
        impl Kernel for Fused {
            type Output = bool;
            #[inline(always)]
            fn run<L: Lanes>(self, _: L) -> bool {
                L::FUSED
            }
        }
        Self::available().into_iter().filter(|set| set.run(Fused))
    }
}
