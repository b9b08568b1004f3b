//! What each setting of an experiment asks for.

use super::{Claim, product};
use crate::data::ImageShape;
use crate::experiment::{
    Data, Evaluation, Experiment, Measure, Optimizer, PointMeasure, Sampling, Train,
};
use crate::network::Network;
use crate::precision::Precision;
use crate::walk::cost::Extent;
use crate::walk::point::claims_of;

/// Vectors as long as theta that every walk holds in the precision of training: theta_0, theta_t and
/// theta_{t-1}, and g_{t-1}. The last update is one more, in 64 bits.
const VECTORS_OF_A_WALK: usize = 4;
/// Those of them that a checkpoint holds once more, in 64 bits, and once more as bytes.
const VECTORS_OF_A_CHECKPOINT: usize = 3;
/// Bytes of one channel's table of normalised values.
const TABLE_BYTES: usize = 256 * (size_of::<f32>() + size_of::<f64>());

/// The images of the files, and as `data` changes them.
pub(in crate::walk) fn of_data(data: &Data, samples: usize, shape: ImageShape) -> Vec<Claim> {
    let ImageShape { mut height, mut width, channels } = shape;
    let bytes = product([samples, shape.bytes()]);
    let mut claims = vec![Claim::new("data.name", &data.name, "images", bytes)];
    if let Some(size) = data.pad {
        (height, width) = (size, size);
        let bytes = product([samples, height, width, channels]);
        claims.push(Claim::new("data.pad", size, "images with their border", bytes));
    }
    if let Some(channels) = data.channels {
        let bytes = product([samples, height, width, channels])
            .saturating_add(product([channels, TABLE_BYTES]));
        claims.push(Claim::new("data.channels", channels, "images in so many channels", bytes));
    }
    claims
}

/// The network at one point, and a forward pass over evaluation batches, one a thread.
pub(in crate::walk) fn of_loss(
    experiment: &Experiment,
    network: &Network,
    samples: usize,
    threads: usize,
) -> Vec<Claim> {
    let Evaluation { batch_size, precision, .. } = experiment.evaluation;
    let at_once = threads.min(samples.div_ceil(batch_size));
    let largest =
        [network.activations.largest, batch_size.min(samples), precision.bytes(), at_once];
    let what = "the largest layer's output for a batch, on every thread";
    vec![
        of_model(experiment, "parameters", experiment.train.precision.bytes(), network),
        Claim::new("evaluation.batch_size", batch_size, what, product(largest)),
    ]
}

/// What a walk holds at once, besides the loss: a list for a training step, one for a checkpoint, and
/// one for each `[[measure]]`, whose units are shared by so many ranks on this host.
pub(in crate::walk) fn of_walk(
    experiment: &Experiment,
    network: &Network,
    (samples, ranks): (usize, usize),
) -> Vec<Vec<Claim>> {
    let carried = match experiment.train.optimizer {
        Optimizer::Sgd(sgd) => usize::from(sgd.momentum != 0.0),
        Optimizer::Adam(_) | Optimizer::AdamW(_) => 2,
    };
    let kept = "what training keeps of its steps";
    let (entry, wide) = (experiment.train.precision.bytes(), size_of::<f64>());
    let bytes = (VECTORS_OF_A_WALK - 1 + carried) * entry + wide;
    let kept = of_model(experiment, kept, bytes, network);
    let bytes = (VECTORS_OF_A_CHECKPOINT + carried) * (wide + entry);
    let checkpoint = of_model(experiment, "a checkpoint before it is written", bytes, network);
    let measures = experiment.measure.iter().enumerate();
    let measures = measures.map(|(index, measure)| {
        let mut claims = of_measure(index, measure, network, (samples, ranks));
        let derivatives = of_derivatives(measure, experiment, network, samples);
        claims.extend(derivatives.map(|claim| claim.on(ranks)));
        claims
    });
    let gradient = of_model(experiment, "a gradient", entry, network);
    let step = vec![gradient, of_step(experiment, network, samples)];
    [step, vec![checkpoint]]
        .into_iter()
        .chain(measures)
        .map(|claims| [vec![kept.clone()], claims].concat())
        .collect()
}

fn of_step(experiment: &Experiment, network: &Network, samples: usize) -> Claim {
    let Train { sampling, batch_size, chunk, precision, .. } = experiment.train;
    match sampling {
        Sampling::Full => of_measured_gradient(experiment, network, samples),
        Sampling::Reshuffle | Sampling::Replacement if batch_size <= chunk => {
            of_gradient("train.batch_size", batch_size, precision, network, samples)
        }
        Sampling::Reshuffle | Sampling::Replacement => {
            of_gradient("train.chunk", chunk, precision, network, samples)
        }
    }
}

/// A batch of what is measured, if that has derivatives.
fn of_derivatives(
    measure: &Measure,
    experiment: &Experiment,
    network: &Network,
    samples: usize,
) -> Option<Claim> {
    let gradient = of_measured_gradient(experiment, network, samples);
    match measure {
        Measure::Line(schedule) if !schedule.second_order => None,
        Measure::Line(_) | Measure::Point(PointMeasure::Alignment(_)) => Some(Claim {
            what: "the layers' outputs that curvature needs, and their adjoints",
            bytes: gradient.bytes.saturating_mul(2),
            ..gradient
        }),
        Measure::Point(_) => Some(gradient),
    }
}

fn of_measured_gradient(experiment: &Experiment, network: &Network, samples: usize) -> Claim {
    let Evaluation { batch_size, precision, .. } = experiment.evaluation;
    of_gradient("evaluation.batch_size", batch_size, precision, network, samples)
}

fn of_gradient(
    key: &str,
    batch_size: usize,
    precision: Precision,
    network: &Network,
    samples: usize,
) -> Claim {
    let numbers = [network.activations.of_products, batch_size.min(samples), precision.bytes()];
    Claim::new(key, batch_size, "the layers' outputs that a gradient needs", product(numbers))
}

/// One `[[measure]]`; what each quantity needs stands in its file.
fn of_measure(
    index: usize,
    measure: &Measure,
    network: &Network,
    (samples, ranks): (usize, usize),
) -> Vec<Claim> {
    let extent = Extent { samples, test_samples: 0, dimension: network.layout.dimension() };
    let claims = match measure {
        // In 64 bits, in which every line that is too close to call is measured again.
        Measure::Line(schedule) => vec![
            Claim::vectors(
                "points",
                schedule.points,
                "the parameters at every point of a line",
                [schedule.points, extent.dimension],
            )
            .on(ranks),
        ],
        Measure::Point(measure) => claims_of(measure, extent),
    };
    let named = |claim: Claim| Claim { key: format!("measure[{index}].{}", claim.key), ..claim };
    claims.into_iter().map(named).collect()
}

/// So many bytes for each parameter.
fn of_model(experiment: &Experiment, what: &'static str, bytes: usize, network: &Network) -> Claim {
    let (key, value) = experiment.model.size();
    Claim::new(key, value, what, product([bytes, network.layout.dimension()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_reckoned_as_the_files_have_them_and_as_the_settings_want_them() {
        let shape = ImageShape { height: 28, width: 28, channels: 1 };
        let bytes = |data: &Data| -> Vec<u64> {
            of_data(data, 100, shape).into_iter().map(|claim| claim.bytes).collect()
        };
        let mut data = Data::named("mnist".to_owned());
        assert_eq!(bytes(&data), [78_400]);
        (data.pad, data.channels) = (Some(32), Some(3));
        assert_eq!(bytes(&data), [78_400, 102_400, 3 * 102_400 + 3 * 256 * 12]);
    }
}
