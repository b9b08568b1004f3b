//! `losswalk line`.

use serde::Serialize;

use super::Exit;
use super::arguments::LineArgs;
use super::measured::{Measured, Subject};
use super::output::show;
use crate::measure::Trajectory;
use crate::objective::Line;

/// What `--json` prints.
#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    line: Measured,
    distance: f64,
}

pub(super) fn run(arguments: LineArgs) -> anyhow::Result<Exit> {
    let subject = Subject::open(&arguments.measure)?;
    let (from, to) = (subject.read(&arguments.from)?, subject.read(&arguments.to)?);
    let line = Line { from: &from, to: &to, number: 0 };
    let points = arguments.points.into();
    let mut path = Trajectory::new(from.theta.clone());
    let distance = path.advance(&from.theta, &to.theta).distance;
    let measured = path.line(&subject.objective, line, points, subject.precision)?;
    let answer = Answer { line: subject.judge(measured), distance };
    show(if arguments.measure.json { serde_json::to_string(&answer)? } else { table(&answer) })?;
    Ok(Exit::Done)
}

fn table(answer: &Answer) -> String {
    let Answer { line, distance } = answer;
    let verdict = &line.verdict;
    let mut rows = vec![format!("{:>8}  loss ({} samples)", "alpha", line.samples)];
    let points = line.alphas.iter().zip(&line.losses);
    rows.extend(points.map(|(alpha, loss)| format!("{alpha:>8.4}  {loss:.9}")));
    rows.push(format!("distance {:.6}", distance));
    match (verdict.barrier, verdict.barrier_height, verdict.floor_loss, verdict.floor_alpha) {
        (Some(crossed), Some(height), Some(floor), Some(alpha)) => {
            let is_crossed = if crossed { "crossed" } else { "none" };
            rows.push(format!(
                "barrier {is_crossed}: the highest point between the ends is {height:+.3e} from the higher end"
            ));
            rows.push(format!("floor {floor:.9} at alpha {alpha:.4}"));
        }
        _ => rows.push("no verdict: a loss is not finite".to_owned()),
    }
    rows.join("\n")
}
