//! Where the ticks of an axis stand and what is written at them.

use super::figure::Spacing;

/// One tick.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub at: f64,
    pub label: String,
}

/// At most about `most` ticks at round values of `low..=high`; with `whole`, at whole numbers only.
pub(super) fn ticks(spacing: Spacing, range: (f64, f64), most: usize, whole: bool) -> Vec<Tick> {
    match spacing {
        Spacing::Linear => linear(range, most, whole),
        Spacing::Log => log(range, most).unwrap_or_else(|| linear(range, most, whole)),
    }
}

/// Multiples of 1, 2 or 5 times a power of ten.
fn linear((low, high): (f64, f64), most: usize, whole: bool) -> Vec<Tick> {
    let step = round_step((high - low) / most.max(1) as f64);
    let step = if whole { step.max(1.0) } else { step };
    let largest = low.abs().max(high.abs());
    let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
    let count = (last - first).max(-1.0) as usize + 1;
    let at = |i: usize| (first + i as f64) * step;
    (0..count).map(|i| Tick { at: at(i), label: label(at(i), step, largest) }).collect()
}

/// The smallest of 1, 2, 5 times a power of ten that is not below `least`.
fn round_step(least: f64) -> f64 {
    let power = 10.0_f64.powf(least.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= least * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

/// Powers of ten, with 2 and 5 times them if there is room. `None` if fewer than three fall into the range.
fn log((low, high): (f64, f64), most: usize) -> Option<Vec<Tick>> {
    let decades = (low.log10().floor() as i32)..=(high.log10().ceil() as i32);
    let within = |factors: &[f64], stride: i32| -> Vec<Tick> {
        let powers = decades.clone().filter(|power| power.rem_euclid(stride) == 0);
        let values = powers.flat_map(|p| factors.iter().map(move |&factor| (factor, p)));
        let tick = |(factor, power): (f64, i32)| Tick {
            at: factor * 10.0_f64.powi(power),
            label: log_label(factor, power),
        };
        let inside = |tick: &Tick| tick.at >= low * (1.0 - 1e-9) && tick.at <= high * (1.0 + 1e-9);
        values.map(tick).filter(inside).collect()
    };
    let fine = within(&[1.0, 2.0, 5.0], 1);
    if fine.len() < 3 {
        return None;
    }
    if fine.len() <= most {
        return Some(fine);
    }
    (1..).map(|stride| within(&[1.0], stride)).find(|ticks| ticks.len() <= most.max(1))
}

fn log_label(factor: f64, power: i32) -> String {
    match power {
        -3..=4 => number(factor * 10.0_f64.powi(power), usize::try_from(-power).unwrap_or(0)),
        _ if factor == 1.0 => format!("10{}", superscript(power)),
        _ => format!("{factor}·10{}", superscript(power)),
    }
}

/// A tick's value, with as many decimals as tell it from its neighbour.
fn label(value: f64, step: f64, largest: f64) -> String {
    if (1e-4..1e7).contains(&largest) {
        let decimals = (-step.log10() - 1e-9).ceil().max(0.0) as usize;
        return number(value, decimals);
    }
    let power = largest.log10().floor() as i32;
    let unit = 10.0_f64.powi(power);
    if value.abs() < step / 2.0 {
        return "0".to_owned();
    }
    let decimals = (-(step / unit).log10() - 1e-9).ceil().max(0.0) as usize;
    format!("{}·10{}", number(value / unit, decimals), superscript(power))
}

/// A number with a true minus sign and, from 10000 on, thin spaces between thousands.
pub(super) fn number(value: f64, decimals: usize) -> String {
    let digits = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let mut text = String::new();
    if value < 0.0 && digits.bytes().any(|byte| byte.is_ascii_digit() && byte != b'0') {
        text.push('−');
    }
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && whole.len() > 4 && (whole.len() - i).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text + fraction
}

fn superscript(power: i32) -> String {
    let digit = |c: char| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        _ => char::from_u32('⁰' as u32 + c.to_digit(10).unwrap_or(0)).unwrap_or('⁰'),
    };
    power.to_string().chars().map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(spacing: Spacing, range: (f64, f64)) -> Vec<String> {
        ticks(spacing, range, 8, false).into_iter().map(|tick| tick.label).collect()
    }

    proptest! {
        #[test]
        fn ticks_ascend_inside_the_range_with_distinct_labels(
            low in -1e6..1e6_f64, log_span in -6.0..6.0_f64, most in 3..12_usize,
        ) {
            let range = (low, low + 10.0_f64.powf(log_span));
            let ticks = ticks(Spacing::Linear, range, most, false);
            prop_assert!(!ticks.is_empty() && ticks.len() <= most + 1);
            prop_assert!(ticks.windows(2).all(|w| w[0].at < w[1].at && w[0].label != w[1].label));
            let air = (range.1 - range.0) * 1e-6;
            prop_assert!(ticks.iter().all(|t| t.at >= range.0 - air && t.at <= range.1 + air));
        }

        #[test]
        fn logarithmic_ticks_do_too(power in -12.0..6.0_f64, span in 0.01..12.0_f64) {
            let range = (10.0_f64.powf(power), 10.0_f64.powf(power + span));
            let ticks = ticks(Spacing::Log, range, 8, false);
            prop_assert!(!ticks.is_empty() && ticks.len() <= 9);
            prop_assert!(ticks.windows(2).all(|w| w[0].at < w[1].at && w[0].label != w[1].label));
        }
    }

    #[test]
    fn labels_are_round_and_readable() {
        assert_eq!(
            labels(Spacing::Linear, (0.0, 40.0)),
            ["0", "5", "10", "15", "20", "25", "30", "35", "40"]
        );
        assert_eq!(labels(Spacing::Linear, (-0.3, 0.1)).first().map(String::as_str), Some("−0.30"));
        assert_eq!(
            labels(Spacing::Linear, (0.0, 20_000.0)).last().map(String::as_str),
            Some("20\u{202f}000")
        );
        assert_eq!(labels(Spacing::Log, (0.5, 20.0)), ["0.5", "1", "2", "5", "10", "20"]);
        assert_eq!(labels(Spacing::Log, (1e-9, 1e-5)), ["10⁻⁹", "10⁻⁸", "10⁻⁷", "10⁻⁶", "10⁻⁵"]);
    }

    #[test]
    fn whole_axes_have_no_half_ticks() {
        let ticks = ticks(Spacing::Linear, (0.0, 1.5), 8, true);
        assert_eq!(ticks.iter().map(|tick| tick.at).collect::<Vec<_>>(), [0.0, 1.0]);
    }
}
