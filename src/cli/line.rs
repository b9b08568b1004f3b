//! `losswalk line`.

use serde::Serialize;

use super::Exit;
use super::arguments::LineArgs;
use super::expect::expect;
use super::measured::{Measured, Subject};
use super::output::show;
use crate::choice::Choice;
use crate::measure::Trajectory;
use crate::objective::Line;
use crate::ranks::Job;
use crate::run::{CertificateRecord, Samples};

/// What `--json` prints.
#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    line: Measured,
    distance: f64,
}

pub(super) fn run(arguments: LineArgs, job: &Job) -> anyhow::Result<Exit> {
    let mut subject = Subject::open(&arguments.measure, job)?;
    subject.check_points(arguments.points)?;
    let (from, to) = (subject.read(&arguments.from)?, subject.read(&arguments.to)?);
    if let Some(expected) = arguments.measure.expect_loss {
        expect(&mut subject, &arguments.to, expected)?;
    }
    let line = Line { from: &from, to: &to, number: 0 };
    let points = arguments.points.into();
    let mut path = Trajectory::new(from.theta.clone());
    let distance = path.advance(&from.theta, &to.theta).distance;
    let rule = arguments.certified.rule();
    let measured = match rule {
        None => path.line(&subject.loss(), line, points, subject.precision)?,
        Some(rule) => path.certified(
            &subject.loss(),
            line,
            (points, subject.precision),
            (rule, subject.seed),
        )?,
    };
    let accuracies = match rule {
        None => [subject.accuracy(&from)?, subject.accuracy(&to)?],
        Some(_) => [None, None],
    };
    let answer = Answer { line: subject.judge(measured, accuracies, rule), distance };
    show(if arguments.measure.json {
        serde_json::to_string(&answer)?
    } else {
        format!("{}\n{}", subject.head(), table(&answer))
    })?;
    Ok(Exit::Done)
}

fn table(answer: &Answer) -> String {
    let Answer { line, distance } = answer;
    let verdict = &line.verdict;
    let mut rows = losses(line);
    if let [Some(from), Some(to)] = line.accuracies {
        rows.push(format!("accuracy {from:.4} at alpha 0, {to:.4} at alpha 1"));
    }
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
    if let Some(certificate) = &line.certificate {
        let CertificateRecord { error, assume, barrier_height_bounds, .. } = certificate;
        let [low, high] = barrier_height_bounds
            .map(|bound| bound.map_or("unknown".to_owned(), |bound| format!("{bound:+.3e}")));
        rows.push(format!(
            "certified: wrong with probability {error} at most (assume {}); losses are estimates, \
             the height is between {low} and {high}",
            assume.name()
        ));
    }
    rows.join("\n")
}

/// A row a point, with the samples of its loss where they differ.
fn losses(line: &Measured) -> Vec<String> {
    let points = line.alphas.iter().zip(&line.losses);
    match &line.samples {
        Samples::Each(samples) => [format!("{:>8}  loss ({samples} samples)", "alpha")]
            .into_iter()
            .chain(points.map(|(alpha, loss)| format!("{alpha:>8.4}  {loss:.9}")))
            .collect(),
        Samples::AtAlphas(samples) => {
            [format!("{:>8}  {:>11}  samples", "alpha", "loss")]
                .into_iter()
                .chain(points.zip(samples).map(|((alpha, loss), samples)| {
                    format!("{alpha:>8.4}  {loss:>11.9}  {samples}")
                }))
                .collect()
        }
    }
}
