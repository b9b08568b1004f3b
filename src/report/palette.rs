//! The colours of series, told apart with every common kind of colour blindness (after Okabe and Ito,
//! 2008) and, in this order, by their lightness in print.

/// On white.
pub(super) const LIGHT: [&str; 8] =
    ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#a8508a", "#56b4e9", "#6b6b6b", "#1d1d1d"];

/// On a dark ground, in the same order.
pub(super) const DARK: [&str; 8] =
    ["#4da9e8", "#f0b429", "#2fc79a", "#ff8552", "#dd8fc2", "#9ad4f7", "#a8a8a8", "#f0f0f0"];
