//! The colours of series, told apart with every common kind of colour blindness (after Okabe and Ito,
//! 2008) and, in this order, by their lightness in print. Their yellow and their sky blue are darkened:
//! on white they would have less than the contrast of 3 that WCAG 2 asks of graphics.

/// On white.
pub(super) const LIGHT: [&str; 8] =
    ["#0072b2", "#b87b00", "#009e73", "#d55e00", "#a8508a", "#2f94d0", "#6b6b6b", "#1d1d1d"];

/// On a dark ground, in the same order.
pub(super) const DARK: [&str; 8] =
    ["#4da9e8", "#f0b429", "#2fc79a", "#ff8552", "#dd8fc2", "#9ad4f7", "#a8a8a8", "#f0f0f0"];

#[cfg(test)]
mod tests {
    use super::*;

    const GROUNDS: [(&str, &[&str]); 2] = [("#ffffff", &LIGHT), ("#15181b", &DARK)];

    /// Relative luminance, as WCAG 2 defines it.
    fn luminance(color: &str) -> f64 {
        let part = |from: usize| {
            let byte = u8::from_str_radix(&color[from..from + 2], 16).unwrap_or_default();
            let share = f64::from(byte) / 255.0;
            if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    #[test]
    fn every_colour_stands_out_from_its_ground() {
        let style = include_str!("page/page.css");
        for (ground, palette) in GROUNDS {
            assert!(style.contains(ground), "the page's ground is not {ground}");
            for color in palette {
                let (one, other) = (luminance(ground) + 0.05, luminance(color) + 0.05);
                let contrast = one.max(other) / one.min(other);
                assert!(contrast >= 3.0, "{color} on {ground}: {contrast:.2}");
            }
        }
    }
}
