//! `losswalk line`.

use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use super::Exit;
use super::arguments::LineArgs;
use super::output::show;
use crate::experiment::{self, Precision};
use crate::linalg::difference_norm;
use crate::measure::{barrier, line_losses};
use crate::objective::{Interrupt, Line, Objective, Point};
use crate::run::{RunFolder, Tensors};
use crate::walk::prepare;

/// What `--json` prints.
#[derive(Serialize)]
struct Answer {
    alphas: Vec<f64>,
    losses: Vec<f64>,
    samples: usize,
    distance: f64,
    barrier: Option<bool>,
    barrier_height: Option<f64>,
    barrier_height_mean: Option<f64>,
    floor_loss: Option<f64>,
    floor_alpha: Option<f64>,
    precision: Precision,
    resolved: bool,
}

pub(super) fn run(arguments: LineArgs) -> anyhow::Result<Exit> {
    let folder = RunFolder::open(&arguments.run)?;
    let experiment = experiment::load(&folder.experiment(), &[])?;
    let setup = arguments.device.set_up()?;
    let objective = prepare(&experiment, &setup, &Interrupt::default())?.objective;
    let (from, to) = (read(&objective, &arguments.from)?, read(&objective, &arguments.to)?);

    let line = Line { from: &from, to: &to, number: 0 };
    let precision = experiment.evaluation.precision;
    let measured = line_losses(&objective, line, arguments.points.into(), precision, None)?;
    let verdict = barrier(&measured.alphas, &measured.losses);
    let answer = Answer {
        samples: objective.samples(),
        distance: difference_norm(&from.theta, &to.theta),
        barrier: verdict.map(|found| found.is_crossed()),
        barrier_height: verdict.map(|found| found.height),
        barrier_height_mean: verdict.map(|found| found.height_mean),
        floor_loss: verdict.map(|found| found.floor_loss),
        floor_alpha: verdict.map(|found| found.floor_alpha),
        precision: measured.precision,
        resolved: measured.resolved,
        alphas: measured.alphas,
        losses: measured.losses,
    };
    show(if arguments.json { serde_json::to_string(&answer)? } else { table(&answer) })?;
    Ok(Exit::Done)
}

fn read(objective: &impl Objective, path: &Path) -> anyhow::Result<Point> {
    objective.import(&Tensors::read(path)?).with_context(|| path.display().to_string())
}

fn table(answer: &Answer) -> String {
    let mut rows = vec![format!("{:>8}  loss ({} samples)", "alpha", answer.samples)];
    let points = answer.alphas.iter().zip(&answer.losses);
    rows.extend(points.map(|(alpha, loss)| format!("{alpha:>8.4}  {loss:.9}")));
    rows.push(format!("distance {:.6}", answer.distance));
    match (answer.barrier, answer.barrier_height, answer.floor_loss, answer.floor_alpha) {
        (Some(crossed), Some(height), Some(floor), Some(alpha)) => {
            let verdict = if crossed { "crossed" } else { "none" };
            rows.push(format!(
                "barrier {verdict}: the highest point between the ends is {height:+.3e} from the higher end"
            ));
            rows.push(format!("floor {floor:.9} at alpha {alpha:.4}"));
        }
        _ => rows.push("no verdict: a loss is not finite".to_owned()),
    }
    rows.join("\n")
}
