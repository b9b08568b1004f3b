//! Replays certified decisions on recorded lines (`examples/unit_losses.rs`) and on synthetic ones, as
//! `docs/design/certified.md` reports them.
//!
//! - `certified_study ratio ORDERS FILE.npy...`: agreement with the exact decision and the ratio of
//!   evaluations, exact over certified, over so many random orders of the units of every line.
//! - `certified_study error ASSUME PLACE TRIALS FILE.npy...`: how often a line is decided wrongly at the
//!   boundary, where its highest point is a hair above the higher end: the point at alpha = PLACE (0.1 or
//!   0.5) moved there, or the whole line bent there as a low barrier (all); its units as observed and
//!   mirrored about the mean. TRIALS are for a stated error of 1e-4; for 1e-3 and 1e-2 a third and a tenth
//!   as many are taken. Without files, on synthetic lines.

use std::error::Error;
use std::fs;

use losswalk::measure::certified::{Assume, Certified, Judge, Rule};
use losswalk::npy::Array;
use losswalk::objective::{LineEvaluation, ObjectiveError};
use losswalk::random::Stream;
use rayon::prelude::*;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The loss of every unit at every point.
#[derive(Clone)]
struct Recorded {
    units: Vec<Vec<f64>>,
}

impl LineEvaluation for Recorded {
    fn units(&self) -> usize {
        self.units.len()
    }

    fn samples(&self, _: usize) -> usize {
        1
    }

    fn points(&self) -> usize {
        self.units[0].len()
    }

    fn unit_losses(
        &self,
        units: &[usize],
        points: &[usize],
    ) -> Result<Vec<Vec<f64>>, ObjectiveError> {
        let of = |&unit: &usize| points.iter().map(|&point| self.units[unit][point]).collect();
        Ok(units.iter().map(of).collect())
    }
}

impl Recorded {
    fn means(&self) -> Vec<f64> {
        let mean =
            |point| self.units.iter().map(|unit| unit[point]).sum::<f64>() / self.units() as f64;
        (0..self.points()).map(mean).collect()
    }

    fn is_crossed(&self) -> bool {
        let [first, interior @ .., last] = &self.means()[..] else { return false };
        interior.iter().any(|loss| loss > &first.max(*last))
    }

    fn alphas(&self) -> Vec<f64> {
        let last = self.points() - 1;
        (0..=last).map(|k| k as f64 / last as f64).collect()
    }

    fn judge(&self, rule: Rule) -> Judge {
        Judge::new(rule, &self.alphas(), self.units())
    }

    fn order(&self, seed: u64) -> Vec<usize> {
        let order = Stream::initialisation(seed, 77).permutation(self.units());
        order.into_iter().map(|unit| unit as usize).collect()
    }

    fn certify(&self, judge: &Judge, seed: u64) -> Outcome<Certified> {
        Ok(judge.certify(self, &self.order(seed))?.ok_or("a loss is not finite")?)
    }

    /// The line at the boundary, in units as they are or mirrored about their mean.
    fn at_boundary(&self, place: Place, is_mirrored: bool) -> Self {
        let means = self.means();
        let last = means.len() - 1;
        let end = means[0].max(means[last]) * (1.0 + 1e-12);
        let mut moved = self.clone();
        // The bend that brings the highest point there: the least that any point needs.
        let bend = |k: usize| (end - means[k]) / weight(self.alphas()[k]);
        let bend = (1..last).map(bend).fold(f64::INFINITY, f64::min);
        for (point, alpha) in self.alphas().into_iter().enumerate().take(last).skip(1) {
            let shift = match place {
                Place::Point(moved) if moved == point => end - means[point],
                Place::Point(_) => continue,
                Place::Line => bend * weight(alpha),
            };
            let chord = |unit: &[f64]| (1.0 - alpha) * unit[0] + alpha * unit[last];
            let mean = means[point] - chord(&means);
            for (unit, old) in moved.units.iter_mut().zip(&self.units) {
                let rise = old[point] - chord(old);
                let rise = if is_mirrored { 2.0 * mean - rise } else { rise };
                unit[point] = chord(old) + rise + shift;
            }
        }
        moved
    }
}

/// What is moved to the boundary.
#[derive(Clone, Copy)]
enum Place {
    /// One point.
    Point(usize),
    /// All interior points, by the same parabola in every unit.
    Line,
}

const PLACES: [(&str, Place); 3] =
    [("0.1", Place::Point(1)), ("0.5", Place::Point(5)), ("all", Place::Line)];

fn weight(alpha: f64) -> f64 {
    4.0 * alpha * (1.0 - alpha)
}

fn read(path: &str) -> Outcome<Vec<Recorded>> {
    let array = Array::parse(fs::read(path)?)?;
    array.check_length(8)?;
    let [_, units, points] = array.shape[..] else {
        return Err("not [lines, units, points]".into());
    };
    let (numbers, _) = array.bytes.as_chunks::<8>();
    let numbers: Vec<f64> = numbers.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
    let line =
        |line: &[f64]| Recorded { units: line.chunks(points).map(<[f64]>::to_vec).collect() };
    Ok(numbers.chunks(units * points).map(line).collect())
}

/// Lines of `units` units that are parabolas with slopes and depths of their own, all depths from one
/// distribution.
fn synthetic(name: &str, units: usize) -> Recorded {
    let mut random = Stream::initialisation(7, units);
    let mut unit = |index: usize| {
        let normal = random.normal();
        let exponential = -(1.0 - random.unit()).ln();
        let depth = match name {
            "normal" => normal,
            "exponential" => exponential,
            "heavy tails" => normal / (-(1.0 - random.unit()).ln() / 2.0).powf(0.25).max(0.1),
            "outliers" => 0.3 * normal + if index.is_multiple_of(50) { 7.0 } else { 0.0 },
            _ => 0.1 * normal,
        };
        let (level, slope) = (1.0 + 0.1 * random.normal(), 0.05 * random.normal());
        let at = |k: i32| {
            let alpha = f64::from(k) / 10.0;
            let noise = 0.002 * random.normal();
            level + slope * alpha - 0.04 * (6.0 + depth) * alpha * (1.0 - alpha)
                + 0.04 * 0.25 * noise
        };
        (0..=10).map(at).collect()
    };
    Recorded { units: (0..units).map(&mut unit).collect() }
}

const ASSUMPTIONS: [(&str, Assume); 3] =
    [("shape", Assume::Shape), ("mirrored", Assume::Mirrored), ("outliers", Assume::Outliers)];

fn ratio(orders: u64, files: &[String]) -> Outcome<()> {
    println!(
        "file, assumption: lines, with a barrier, decisions, wrong, evaluations a line, ratio, median units at [0, 0.1, 0.5]"
    );
    for file in files {
        let lines = read(file)?;
        let crossed = lines.iter().filter(|line| line.is_crossed()).count();
        for (name, assume) in ASSUMPTIONS {
            let judge = lines[0].judge(Rule { error: 1e-4, assume });
            let tasks: Vec<(usize, u64)> = (0..lines.len())
                .flat_map(|line| (0..orders).map(move |order| (line, order)))
                .collect();
            let found: Vec<_> = tasks
                .par_iter()
                .map(|&(index, order)| {
                    let line = &lines[index];
                    let found = line.certify(&judge, order * 1000 + index as u64).ok()?;
                    Some((found.is_crossed != line.is_crossed(), found.samples))
                })
                .flatten()
                .collect();
            let wrong = found.iter().filter(|(is_wrong, _)| *is_wrong).count();
            let evaluations =
                found.iter().map(|(_, samples)| samples.iter().sum::<u64>()).sum::<u64>() as f64;
            let each = evaluations / found.len() as f64;
            let exact = (lines[0].units() * (lines[0].points() - 1)) as f64;
            let median = |point: usize| {
                let mut units: Vec<u64> = found.iter().map(|(_, samples)| samples[point]).collect();
                units.sort_unstable();
                units[units.len() / 2]
            };
            println!(
                "{file}, {name}: {}, {crossed}, {}, {wrong}, {each:.1}, {:.1}, {:?}",
                lines.len(),
                found.len(),
                exact / each,
                [0, 1, 5].map(median)
            );
        }
    }
    Ok(())
}

/// Wrong decisions for each stated one, of so many on several lines in turn.
fn excess(lines: &[Recorded], rule: Rule, trials: u64) -> f64 {
    let judge = lines[0].judge(rule);
    let trials = (trials as f64 * (1e-4 / rule.error).sqrt()) as u64;
    let is_wrong = |trial: u64| {
        let line = &lines[trial as usize % lines.len()];
        judge.is_crossed(line, &line.order(trial)) == Ok(Some(false))
    };
    let wrong = (0..trials).into_par_iter().filter(|&trial| is_wrong(trial)).count();
    wrong as f64 / (trials as f64 * rule.error)
}

/// A row of the table for every population.
fn error(
    assume: Assume,
    place: (&str, Place),
    trials: u64,
    populations: &[(String, Vec<Recorded>)],
) {
    println!("| wrong for each stated one, observed / mirrored | alpha | 1e-2 | 1e-3 | 1e-4 |");
    for (name, lines) in populations {
        let moved = [false, true].map(|is_mirrored| -> Vec<Recorded> {
            lines.iter().map(|line| line.at_boundary(place.1, is_mirrored)).collect()
        });
        print!("| {name} | {} |", place.0);
        for error in [1e-2, 1e-3, 1e-4] {
            let share = |lines: &Vec<Recorded>| excess(lines, Rule { error, assume }, trials);
            let [observed, mirrored] = moved.each_ref().map(share);
            print!(" {observed:.3} / {mirrored:.3} |");
        }
        println!();
    }
}

fn synthetic_populations() -> Vec<(String, Vec<Recorded>)> {
    let names = ["normal", "exponential", "heavy tails", "outliers", "near ties"];
    let named = |name: &str, units| (format!("{name} {units}"), vec![synthetic(name, units)]);
    names.iter().flat_map(|name| [50, 450].map(|units| named(name, units))).collect()
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["ratio", orders, ..] => ratio(orders.parse()?, &arguments[2..]),
        ["error", assume, place, trials, ..] => {
            let assume = ASSUMPTIONS.iter().find(|(name, _)| name == assume);
            let (_, assume) = assume.ok_or("shape, mirrored or outliers?")?;
            let place = PLACES.iter().find(|(name, _)| name == place).ok_or("0.1, 0.5 or all?")?;
            let population = |file: &String| Ok((file.clone(), read(file)?));
            let files = arguments[4..].iter().map(population).collect::<Outcome<Vec<_>>>()?;
            let populations = if files.is_empty() { synthetic_populations() } else { files };
            error(*assume, *place, trials.parse()?, &populations);
            Ok(())
        }
        _ => Err("ratio or error?".into()),
    }
}
