//! Replays certified decisions on recorded lines (`examples/unit_losses.rs`) and on synthetic ones, as
//! `docs/design/certified.md` reports them.
//!
//! - `certified_study ratio ORDERS FILE.npy...`: agreement with the exact decision and the ratio of
//!   evaluations, exact over certified, over so many random orders of the units of every line.
//! - `certified_study error TRIALS FILE.npy...`: how often a line is decided wrongly at the boundary:
//!   one point of it moved to exactly the higher end, its units as observed and mirrored about the mean.
//!   Without files, on synthetic lines. TRIALS are for a stated error of 1e-4; for 1e-3 and 1e-2 a
//!   third and a tenth as many are taken. ASSUME=shape in the environment leaves the others out.

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

    fn certify(&self, judge: &Judge, seed: u64) -> Outcome<Certified> {
        let order = Stream::initialisation(seed, 77).permutation(self.units());
        let order: Vec<usize> = order.into_iter().map(|unit| unit as usize).collect();
        Ok(judge.certify(self, &order)?.ok_or("a loss is not finite")?)
    }

    /// A point moved to a hair above the higher end, with its distances to the chord in every unit as
    /// they are or mirrored about their mean.
    fn at_boundary(&self, point: usize, is_mirrored: bool) -> Self {
        let alpha = self.alphas()[point];
        let chord = |unit: &[f64]| (1.0 - alpha) * unit[0] + alpha * unit[unit.len() - 1];
        let mut moved = self.clone();
        let gaps: Vec<f64> = self.units.iter().map(|unit| chord(unit) - unit[point]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let means = self.means();
        let end = means[0].max(means[means.len() - 1]) * (1.0 + 1e-12);
        let shift = end - chord(&means);
        for (unit, gap) in moved.units.iter_mut().zip(gaps) {
            let deviation = if is_mirrored { mean - gap } else { gap - mean };
            unit[point] = chord(unit) - deviation + shift;
        }
        moved
    }
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

/// Wrong decisions of so many, on several lines in turn.
fn wrong_of(lines: &[Recorded], rule: Rule, trials: u64) -> u64 {
    let judge = lines[0].judge(rule);
    let is_wrong = |trial: u64| {
        let line = &lines[trial as usize % lines.len()];
        line.certify(&judge, trial).is_ok_and(|found| !found.is_crossed)
    };
    (0..trials).into_par_iter().filter(|&trial| is_wrong(trial)).count() as u64
}

fn error(trials: u64, levels: &[f64], populations: &[(String, Vec<Recorded>)]) {
    println!(
        "population, point, assumption, error, trials: observed, mirrored (wrong decisions for each stated one)"
    );
    for (name, lines) in populations {
        for point in [1, 5] {
            let moved = [false, true].map(|is_mirrored| -> Vec<Recorded> {
                lines.iter().map(|line| line.at_boundary(point, is_mirrored)).collect()
            });
            let chosen = std::env::var("ASSUME").unwrap_or_default();
            for (assumption, assume) in
                ASSUMPTIONS.into_iter().filter(|(name, _)| chosen.is_empty() || *name == chosen)
            {
                for &level in levels {
                    let rule = Rule { error: level, assume };
                    let trials =
                        ((trials as f64 * 1e-4 / level).sqrt() * (trials as f64).sqrt()) as u64;
                    let share = |lines: &Vec<Recorded>| {
                        wrong_of(lines, rule, trials) as f64 / (trials as f64 * level)
                    };
                    let [observed, mirrored] = moved.each_ref().map(share);
                    println!(
                        "{name}, {point}, {assumption}, {level:e}, {trials}: {observed:.3}, {mirrored:.3}"
                    );
                }
            }
        }
    }
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, count, files @ ..] = &arguments[..] else { return Err("ratio or error?".into()) };
    match what.as_str() {
        "ratio" => return ratio(count.parse()?, files),
        "error" if files.is_empty() => {
            let names = ["normal", "exponential", "heavy tails", "outliers", "near ties"];
            let sizes = [50, 150, 450];
            let named =
                |name: &str, units| (format!("{name} {units}"), vec![synthetic(name, units)]);
            let populations: Vec<_> =
                names.iter().flat_map(|name| sizes.map(|units| named(name, units))).collect();
            error(count.parse()?, &[1e-2, 1e-3, 1e-4], &populations);
        }
        _ => {
            let population = |file: &String| Ok((file.clone(), read(file)?));
            let populations = files.iter().map(population).collect::<Outcome<Vec<_>>>()?;
            error(count.parse()?, &[1e-2, 1e-3, 1e-4], &populations);
        }
    }
    Ok(())
}
