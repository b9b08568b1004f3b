//! Records the loss of every evaluation batch at every point of chosen lines, to study how few of them
//! decide on barriers: the populations of `docs/design/certified.md`.
//!
//! `cargo run --release --example unit_losses EXPERIMENT OUT GROUP... [KEY=VALUE...]`; a group is
//! - `EPOCH:COUNT:LENGTH[:SKIP]`, so many updates spread over an epoch, each prolonged to LENGTH times itself,
//!   the first of them SKIP iterations late; or
//! - `EPOCH:COUNT:seed=N`, lines from such updates to the same place of a walk with another seed,
//!   between solutions, where barriers are.
//!
//! Groups are in order of their epochs. Losses are in the precision of `evaluation.precision`.
//! OUT gets a `.npy` a group, f64, [lines, units, points].

use std::error::Error;
use std::fs;
use std::path::Path;

use losswalk::experiment;
use losswalk::objective::{Interrupt, Line, Loss, Objective, Point};
use losswalk::precision::Precision;
use losswalk::walk::{Prepared, Setup, State, prepare};

type Outcome<T> = Result<T, Box<dyn Error>>;

const POINTS: usize = 10;

/// A walk under way, one step at a time.
struct Training {
    prepared: Prepared,
    state: State,
}

impl Training {
    fn new(file: &Path, overrides: &[String]) -> Outcome<Self> {
        let experiment = experiment::load(file, overrides)?;
        let setup = Setup {
            device: "cpu".to_owned(),
            threads: rayon::current_num_threads(),
            ranks: 1,
            ranks_here: 1,
        };
        let prepared = prepare(&experiment, &setup, &Interrupt::default())?;
        let state = State::start(prepared.start(), experiment.train.precision);
        Ok(Self { prepared, state })
    }

    /// Takes one step; returns where it began.
    fn step(&mut self) -> Outcome<Point> {
        let Self { prepared: Prepared { plan, objective, .. }, state } = self;
        let place = plan.place(state.step);
        let order = plan.epoch_order(place.epoch);
        let batch = Loss::in_epoch(&order[plan.batch_range(place)], place.epoch);
        let found = objective.gradient(&state.point, batch, plan.train.precision)?;
        let rate = plan.learning_rate(state.step);
        state.advance(found.gradient, found.buffers, &plan.train, rate);
        Ok(state.previous.clone())
    }

    fn advance_to(&mut self, step: u64) -> Outcome<()> {
        while self.state.step < step {
            self.step()?;
        }
        Ok(())
    }
}

/// The mean loss of every unit at every point, unit by unit.
fn unit_losses(objective: &impl Objective, line: Line, precision: Precision) -> Outcome<Vec<f64>> {
    let alphas: Vec<f64> = (0..=POINTS).map(|k| k as f64 / POINTS as f64).collect();
    let open = objective.open(line, &alphas, precision)?;
    let units: Vec<usize> = (0..open.units()).collect();
    let points: Vec<usize> = (0..=POINTS).collect();
    let sums = open.unit_losses(&units, &points)?;
    let mean = |(unit, sums): (usize, Vec<f64>)| {
        let samples = open.samples(unit) as f64;
        sums.into_iter().map(move |sum| sum / samples).collect::<Vec<f64>>()
    };
    Ok(sums.into_iter().enumerate().flat_map(mean).collect())
}

fn prolonged(from: &Point, to: &Point, length: f64) -> Point {
    let theta = from.theta.iter().zip(&to.theta).map(|(a, b)| a + length * (b - a)).collect();
    Point { theta, buffers: to.buffers.clone() }
}

fn save(path: &Path, lines: &[Vec<f64>]) -> Outcome<()> {
    let shape = format!("({}, {}, {})", lines.len(), lines[0].len() / (POINTS + 1), POINTS + 1);
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}");
    let header = format!("{header:<117}\n");
    let elements = lines.iter().flatten().flat_map(|loss| loss.to_le_bytes());
    let start = b"\x93NUMPY\x01\x00".iter().copied().chain((header.len() as u16).to_le_bytes());
    Ok(fs::write(path, start.chain(header.bytes()).chain(elements).collect::<Vec<u8>>())?)
}

fn record(
    walk: &mut Training,
    other: &mut Option<Training>,
    group: &str,
) -> Outcome<Vec<Vec<f64>>> {
    let fields: Vec<&str> = group.split(':').collect();
    let (epoch, count): (u64, u64) = (fields[0].parse()?, fields[1].parse()?);
    let skip: u64 = fields.get(3).map_or(Ok(0), |skip| skip.parse())?;
    let per_epoch = walk.prepared.plan.steps_per_epoch();
    let mut lines = Vec::new();
    for index in 0..count {
        let step = (epoch - 1) * per_epoch + index * per_epoch / count + skip;
        walk.advance_to(step)?;
        let (from, to) = match other {
            Some(other) if fields[2].starts_with("seed") => {
                other.advance_to(step)?;
                (walk.state.point.clone(), other.state.point.clone())
            }
            _ => {
                let from = walk.step()?;
                let to = prolonged(&from, &walk.state.point, fields[2].parse()?);
                (from, to)
            }
        };
        let line = Line { from: &from, to: &to, number: step };
        let Prepared { objective, plan, .. } = &walk.prepared;
        lines.push(unit_losses(objective, line, plan.evaluation.precision)?);
    }
    Ok(lines)
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, out, rest @ ..] = arguments.as_slice() else { return Err("arguments?".into()) };
    let (groups, overrides): (Vec<String>, Vec<String>) =
        rest.iter().cloned().partition(|argument| argument.contains(':'));
    fs::create_dir_all(out)?;
    let mut walk = Training::new(Path::new(file), &overrides)?;
    for group in groups {
        let seed = group.rsplit("seed=").next().filter(|_| group.contains("seed="));
        let with_seed = |seed| [overrides.clone(), vec![format!("train.seed={seed}")]].concat();
        let mut other = match seed {
            Some(seed) => Some(Training::new(Path::new(file), &with_seed(seed))?),
            None => None,
        };
        let lines = record(&mut walk, &mut other, &group)?;
        save(&Path::new(out).join(group.replace([':', '='], "-")).with_extension("npy"), &lines)?;
        println!("{group}");
    }
    Ok(())
}
