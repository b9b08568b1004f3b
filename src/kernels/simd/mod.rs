//! Vectors of f32 on the instruction sets that a kernel is compiled for.

#![expect(unsafe_code, reason = "instructions that not every CPU has, and raw loads and stores")]

mod instruction_set;
mod lanes;
mod portable;
#[cfg(all(test, target_arch = "x86_64"))]
mod wide;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use instruction_set::Kernel;
pub use instruction_set::{InstructionSet, InstructionSetError};
pub(crate) use lanes::Lanes;
