//! Whether a line crosses a barrier, decided from as few evaluation batches as the data allow, with a
//! stated error. `docs/design/certified.md` says what is proven and what is assumed.

mod assume;
mod bets;
mod bound;
mod certify;
#[cfg(test)]
mod checks;
mod contrast;
mod heights;
mod looks;
mod progress;
mod seen;
mod tests;

pub use assume::{Assume, Method};
pub use bound::MeanBound;
pub use certify::{Certified, Judge, Rule};
pub use heights::Bounds;
