//! What is assumed of the units that were not visited.

use crate::choice::choice;

choice! {
    /// The assumption that the stated error rests on, from the weakest to the strongest. No rule does
    /// without: if a fraction p of the units carried a whole barrier, n units would miss it with
    /// probability (1 - p)^n.
    Assume {
        /// No unit lies farther below the mean than 12 standard deviations of those visited before it.
        Outliers = "outliers",
        /// No unit lies farther below the mean than 5 standard deviations of those visited before it;
        /// so units may be as skewed towards a barrier as they are seen to be skewed away from it.
        Mirrored = "mirrored",
        /// Units are near normal, or skewed away from a barrier, as the curvature of a line is.
        Shape = "shape",
    }
}

choice! {
    /// How units are judged.
    Method {
        /// Wealth won by bets on them.
        Bets = "bets",
        /// Student's t at looks.
        Student = "student",
    }
}

impl Assume {
    /// How units are judged under it.
    pub fn method(self) -> Method {
        if self.deviations().is_some() { Method::Bets } else { Method::Student }
    }

    /// Standard deviations below the mean that no unit exceeds; none where Student's t is used.
    pub(super) fn deviations(self) -> Option<f64> {
        match self {
            Self::Outliers => Some(12.0),
            Self::Mirrored => Some(5.0),
            Self::Shape => None,
        }
    }
}
