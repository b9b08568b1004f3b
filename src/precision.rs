//! The floating-point formats that numbers are computed in.

use crate::choice::choice;

choice! {
    /// Floating-point format.
    Precision {
        /// 32 bits.
        F32 = "f32",
        /// 64 bits.
        F64 = "f64",
    }
}
