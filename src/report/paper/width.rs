//! The width of a figure on paper.

use std::str::FromStr;

/// Units with their points, 72 an inch.
const UNITS: [(&str, f64); 4] =
    [("in", 72.0), ("cm", 72.0 / 2.54), ("mm", 72.0 / 25.4), ("pt", 1.0)];
/// In points: letters do not shrink, so that narrower figures have no room for them; wider ones are
/// wider than paper.
const BOUNDS: (f64, f64) = (2.0 * 72.0, 12.0 * 72.0);

/// A width that a figure on paper can have, from 2 to 12 inches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Width {
    points: f64,
}

impl Width {
    /// In points, 72 an inch (`bp` in TeX).
    pub fn points(self) -> f64 {
        self.points
    }
}

/// No such width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WidthError {
    /// No number with a unit.
    #[error("must be a number with in, cm, mm or pt, such as 3.25in, 8.3cm or 234pt")]
    Unknown,
    /// Too narrow or too wide.
    #[error("must be from 2in to 12in (50.8 to 304.8 mm, 144 to 864 pt)")]
    OutOfBounds,
}

impl FromStr for Width {
    type Err = WidthError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let of_unit = |(unit, points): (&str, f64)| {
            let number: f64 = text.trim().strip_suffix(unit)?.trim_end().parse().ok()?;
            number.is_finite().then_some(number * points)
        };
        let points = UNITS.into_iter().find_map(of_unit).ok_or(WidthError::Unknown)?;
        // A width of 50.8 mm is 2 inches but for rounding.
        let is_within = points > BOUNDS.0 - 1e-9 && points < BOUNDS.1 + 1e-9;
        is_within.then_some(Self { points }).ok_or(WidthError::OutOfBounds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_read_in_every_unit() {
        let texts = ["3.25in", "8.255 cm", " 82.55mm", "234pt", "2in", "50.8mm", "12in"];
        let points = texts.map(|text| text.parse().map(Width::points).unwrap_or_default());
        let expected = [234.0, 234.0, 234.0, 234.0, 144.0, 144.0, 864.0];
        for (text, (found, expected)) in texts.iter().zip(points.iter().zip(expected)) {
            assert!((found - expected).abs() < 1e-9, "{text}: {found}");
        }
    }

    #[test]
    fn what_is_no_width_is_answered_with_what_is() {
        for text in ["", "in", "3.25", "3,25in", "3.25 inches", "nanin", "infcm", "1e2em", "--in"] {
            assert_eq!(text.parse::<Width>(), Err(WidthError::Unknown), "{text}");
        }
        for text in ["1.9in", "12.1in", "0pt", "-3in", "1e300mm"] {
            assert_eq!(text.parse::<Width>(), Err(WidthError::OutOfBounds), "{text}");
        }
    }
}
