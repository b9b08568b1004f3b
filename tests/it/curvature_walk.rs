//! Curvature along a walk: on the quadratic every record equals its closed form; on digits, bytes
//! depend neither on threads nor on interruptions.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use losswalk::random::Stream;
use losswalk::run::{AlignmentRecord, CovarianceRecord, RunFolder, SpectrumRecord};
use losswalk::walk::{Outcome, Plan};

use crate::lab::Lab;
use crate::quadratic::{
    CURVATURES, Quadratic, START, dot, heard, mean_tilt, near, near_at, plan, times_hessian, walked,
};

const RATE: f64 = 0.15;
const DECAY: f64 = 0.25;

/// Gradient descent for two steps, everything measured before, between and behind them.
pub fn curved(more: &[&str]) -> Plan {
    let rate = format!("train.learning_rate={RATE}");
    let measures = "measure=[{kind='line',second_order=true,reach=9.0},\
                    {kind='alignment',batch_sizes=[1,2,4],batches=20},\
                    {kind='covariance',batch_sizes=[1,2,3],batches=400,probes=40},\
                    {kind='spectrum',top=2,probes=2,batch_sizes=[2]}]";
    let settings = ["train.optimizer=gd", "train.epochs=2", "train.seed=5", &rate, measures];
    plan(&[&settings[..], more].concat())
}

/// theta after so many steps.
fn theta(steps: i32) -> Vec<f64> {
    let shrink = |(x, h): (f64, f64)| x * (1.0 - RATE * h).powi(steps);
    START.into_iter().zip(CURVATURES).map(shrink).collect()
}

/// g_B at theta for the batch that a record names.
fn gradient(record: &AlignmentRecord) -> Vec<f64> {
    let size = record.batch_size as usize;
    let mut order =
        Stream::measured_batch(5, record.step, size, record.batch as usize).permutation(4);
    order.truncate(size);
    let full = times_hessian(&theta(record.step as i32));
    full.iter().zip(mean_tilt(&order)).map(|(h, b)| h + b).collect()
}

#[test]
fn alignment_on_a_quadratic_equals_its_closed_form() {
    let walked = walked(&curved(&[]));
    let records: Vec<AlignmentRecord> = walked.folder.points().unwrap();
    // 20 batches of 1 and of 2, and one of all 4, at three points.
    assert_eq!(records.len(), 3 * 41);
    for record in &records {
        let g = gradient(record);
        let square = dot(&g, &g);
        near(record.grad_norm, square.sqrt());
        near(record.alignment, dot(&g, &times_hessian(&g)) / square);
        near(record.alignment_batch, dot(&g, &times_hessian(&g)) / square);
        let slope = dot(&g, &times_hessian(&theta(record.step as i32)));
        near(record.squared_slope, slope * slope / square);
        let terms = [record.covariance, record.squared_slope, record.residual];
        let sum: f64 = terms.into_iter().map(Option::unwrap).sum();
        near_at(Some(sum), record.alignment.unwrap(), 10.0);
    }
    let distinct = |size: u64| {
        let of_size = records.iter().filter(|r| r.step == 0 && r.batch_size == size);
        let mut norms: Vec<_> = of_size.map(|r| r.grad_norm.unwrap().to_bits()).collect();
        norms.sort_unstable();
        norms.dedup();
        norms.len()
    };
    // 20 draws out of 4 samples and out of 6 pairs.
    assert!(distinct(1) > 2 && distinct(2) > 3 && distinct(4) == 1);
}

#[test]
fn covariance_of_gradients_is_that_of_equation_3() {
    let walked = walked(&curved(&[]));
    let records: Vec<CovarianceRecord> = walked.folder.points().unwrap();
    assert_eq!(records.len(), 9);
    // tr C of the samples' gradients, which differ by their tilts alone.
    let tilt = |i: u32| mean_tilt(&[i]);
    let exact: f64 = (0..4).map(|i| dot(&tilt(i), &tilt(i))).sum::<f64>() / 3.0;
    for record in &records {
        let error = record.sample_trace_error.unwrap();
        assert!((record.sample_trace.unwrap() - exact).abs() < 4.0 * error && error < 0.2 * exact);
        let factor = 1.0 / record.batch_size as f64 - 0.25;
        near(record.predicted, factor * record.sample_trace.unwrap());
        let error = record.trace_error.unwrap();
        assert!((record.trace.unwrap() - factor * exact).abs() < 4.0 * error);
        assert!(error < 0.1 * factor * exact, "{error}");
        let off = (record.ratio.unwrap() - 1.0).abs() / record.ratio_error.unwrap();
        assert!(off < 4.0, "the ratio is off by {off} standard errors");
        let g = times_hessian(&theta(record.step as i32));
        near(record.squared_grad_norm, dot(&g, &g));
        near(record.noise_scale, record.sample_trace.unwrap() / dot(&g, &g));
    }
}

fn check_spectrum(record: &SpectrumRecord, decay: f64) {
    let expected = [10.0 + decay, 3.0 + decay];
    for (found, expected) in record.eigenvalues.iter().zip(expected) {
        near(Some(*found), expected);
    }
    assert_eq!((record.eigenvalues.len(), record.converged), (2, true));
    assert!(record.residuals.iter().all(|residual| *residual < 1e-12));
    near(record.lambda_min, 0.5 + decay);
    near(record.learning_rate_times_lambda_max, RATE * (10.0 + decay));
    // z'Hz is the trace for every z of signs, as H is diagonal.
    near(record.trace, 14.5 + 4.0 * decay);
    near_at(record.trace_error, 0.0, 1.0);
    for rule in &record.density {
        near(Some(rule.weights.iter().sum()), 1.0);
        near(rule.nodes.first().copied(), 10.0 + decay);
    }
    assert_eq!(record.density.len(), 2);
    assert_eq!(record.overlap.is_some(), record.step > 0);
    record.overlap.iter().for_each(|&overlap| near(Some(overlap), 1.0));
}

#[test]
fn the_spectrum_of_a_quadratic_is_its_diagonal() {
    let plain: Vec<SpectrumRecord> = walked(&curved(&[])).folder.points().unwrap();
    assert_eq!(plain.iter().map(|record| record.step).collect::<Vec<_>>(), [0, 1, 2]);
    plain.iter().for_each(|record| check_spectrum(record, 0.0));
    // The last two coordinates have the largest curvatures; the update before a point is along g.
    let g = times_hessian(&theta(1));
    let share = (g[2] * g[2] + g[3] * g[3]) / dot(&g, &g);
    assert_eq!(plain[0].update_share, None);
    // Vectors are stored in 32 bits.
    assert!((plain[2].update_share.unwrap() - share).abs() < 1e-6);
    assert!(plain.iter().all(|record| record.shares[0].mean.is_some_and(|mean| mean < 1.0)));
}

#[test]
fn the_share_of_the_last_update_counts_weight_decay_and_momentum() {
    for momentum in [0.0, 0.9] {
        let settings =
            [format!("train.weight_decay={DECAY}"), format!("train.momentum={momentum}")];
        let walked = walked(&curved(&settings.each_ref().map(String::as_str)));
        let spectra: Vec<SpectrumRecord> = walked.folder.points().unwrap();
        let (mut theta, mut update) = (START, [0.0; 4]);
        for record in &spectra[1..] {
            for i in 0..4 {
                let slope = (CURVATURES[i] + DECAY) * theta[i];
                update[i] = momentum * update[i] - RATE * slope;
                theta[i] += update[i];
            }
            let share = (update[2].powi(2) + update[3].powi(2)) / dot(&update, &update);
            assert!((record.update_share.unwrap() - share).abs() < 1e-6);
        }
    }
}

#[test]
fn weight_decay_is_part_of_the_hessian_only_where_asked() {
    let decay = format!("train.weight_decay={DECAY}");
    let measures = "measure=[{kind='alignment',epochs=[0],batch_sizes=[4],include_weight_decay=true},\
                    {kind='spectrum',epochs=[0],top=2,probes=2,include_weight_decay=true}]";
    let with = walked(&curved(&[&decay, measures]));
    let without = walked(&curved(&[&decay]));
    check_spectrum(&with.folder.points().unwrap()[0], DECAY);
    check_spectrum(&without.folder.points().unwrap()[0], 0.0);
    let alignment = |records: Vec<AlignmentRecord>| {
        records.iter().find(|record| record.batch_size == 4).and_then(|record| record.alignment)
    };
    let before = alignment(without.folder.points().unwrap()).unwrap();
    near(alignment(with.folder.points().unwrap()), before + DECAY);
}

#[test]
fn second_order_predicts_a_step_on_a_quadratic_and_where_its_loss_returns() {
    let lines = walked(&curved(&[])).folder.lines().unwrap();
    assert_eq!(lines.len(), 2);
    for line in &lines {
        let g = times_hessian(&theta(line.step as i32));
        let (square, along) = (dot(&g, &g), dot(&g, &times_hessian(&g)));
        near(line.slope, -RATE * square);
        near(line.curvature, RATE * RATE * along);
        let change = line.losses[10].unwrap() - line.losses[0].unwrap();
        near_at(line.predicted_change, change, RATE * square);
        // The chord of a parabola over an interval h leaves at most h²/(4 alpha).
        let critical = 2.0 * square / (RATE * along);
        let reach = line.reach.as_ref().unwrap();
        let off = (reach.critical_alpha.unwrap() - critical).abs();
        assert!(off <= 1e-4 / (4.0 * critical), "{off:e}");
        assert!(critical > 1.0, "beyond the step, or the test shows little");
        assert!(reach.reach_losses[..].len() == reach.reach_alphas.len());
        assert!(reach.reach_alphas.last().is_some_and(|&last| last >= critical && last < 9.0));
    }
}

#[test]
fn a_loss_that_does_not_return_has_no_critical_alpha() {
    let far = "measure=[{kind='line',reach=1.2}]";
    let lines = walked(&curved(&[far])).folder.lines().unwrap();
    let reach = lines[0].reach.as_ref().unwrap();
    assert_eq!((reach.critical_alpha, reach.reach_alphas.as_slice()), (None, &[1.1, 1.2][..]));
    assert_eq!((lines[0].slope, lines[0].predicted_change), (None, None));
}

#[test]
fn what_is_recorded_of_a_point_is_not_measured_again() {
    let plan = curved(&[]);
    let walked = walked(&plan);
    let path = walked.folder.point_log::<AlignmentRecord>();
    let whole = fs::read_to_string(&path).unwrap();
    let spectra = fs::read(walked.folder.point_log::<SpectrumRecord>()).unwrap();
    let sizes_path = walked.folder.point_log::<CovarianceRecord>();
    let sizes = fs::read_to_string(&sizes_path).unwrap();
    // As a kill would leave it: some batches of the last point and a torn line, and some sizes.
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    fs::write(&path, lines[..100].concat() + &lines[100][..20]).unwrap();
    fs::write(&sizes_path, sizes.split_inclusive('\n').take(8).collect::<String>()).unwrap();
    assert_eq!(walked.walk(&Quadratic::SOUND, &plan).unwrap(), Outcome::Done);
    assert_eq!(fs::read_to_string(&path).unwrap(), whole);
    assert_eq!(fs::read_to_string(&sizes_path).unwrap(), sizes);
    assert_eq!(fs::read(walked.folder.point_log::<SpectrumRecord>()).unwrap(), spectra);
}

/// On digits, through the program.
const DIGITS: &str = "measure=[{kind='line',iterations=2,points=4,reach=3.0,second_order=true},\
                      {kind='alignment',batch_sizes=[50,1797],batches=3},\
                      {kind='covariance',batch_sizes=[50],batches=3,probes=3},\
                      {kind='spectrum',top=2,probes=1,probe_products=4,tolerance=0.1}]";

fn all_records(run: &std::path::Path) -> Vec<Vec<u8>> {
    let names = ["steps", "line", "alignment", "covariance", "spectrum"];
    names.iter().map(|name| fs::read(run.join(format!("{name}.jsonl"))).unwrap()).collect()
}

#[test]
fn curvature_depends_neither_on_threads_nor_on_a_resume() {
    let lab = Lab::new();
    let settings = [DIGITS, "train.epochs=2"];
    lab.run_with("one", &settings, &["--threads", "1"]).must_say(0, &[]);
    lab.run_with("two", &settings, &["--threads", "2"]).must_say(0, &[]);
    let expected = all_records(&lab.path("one"));
    assert!(all_records(&lab.path("two")) == expected, "threads change the records");
    // Back to the end of the first epoch, in the middle of what is measured there.
    let run = lab.path("two");
    let folder = RunFolder::open(&run).unwrap();
    let newest = fs::read_dir(folder.checkpoints()).unwrap().map(|entry| entry.unwrap().path());
    fs::remove_dir_all(newest.max().unwrap()).unwrap();
    let (alignment, spectrum) =
        (folder.point_log::<AlignmentRecord>(), folder.point_log::<SpectrumRecord>());
    for (log, kept) in [(alignment, 6), (spectrum, 1)] {
        let text = fs::read_to_string(&log).unwrap();
        fs::write(&log, text.split_inclusive('\n').take(kept).collect::<String>()).unwrap();
    }
    lab.run_with("two", &settings, &["--resume"]).must_say(0, &[]);
    assert!(all_records(&run) == expected, "a resume changes the records");
}

#[test]
fn without_batch_norm_equation_3_holds_for_a_network() {
    let lab = Lab::new();
    let measure = "measure=[{kind='covariance',batch_sizes=[10,100],batches=100,probes=50}]";
    let run = lab.done("run", &[measure, "model.batch_norm=false"]);
    let records: Vec<CovarianceRecord> = RunFolder::open(&run).unwrap().points().unwrap();
    assert_eq!(records.len(), 4);
    for record in records {
        let (ratio, error) = (record.ratio.unwrap(), record.ratio_error.unwrap());
        assert!((ratio - 1.0).abs() < 4.0 * error && error < 0.15, "{ratio} ± {error}");
    }
}

#[test]
fn what_an_observer_hears_of_a_measurement_is_its_forecast_part_by_part() {
    let heard = heard(&curved(&[]));
    // Of 4 samples: gradients at 3 passes a sample, with the curvature along them 5; directions at 3
    // and 2 shared by ten of them; slopes at 2 and 1 shared; products at 6. The first direction is
    // alone. A forecast that was less than its parts would cut the last one, one that was more would add
    // another.
    let group = |own: u64, count: u64| own + (count * 3 + 2) * 4;
    let (one, two, full) = (5, 5 * 2, 3 * 4);
    let alignment = vec![
        group(one, 1),
        group(10 * one, 10),
        group(9 * one + two, 10),
        group(10 * two, 10),
        group(9 * two + full, 10),
    ];
    let batches = |size: u64| vec![3 * size; 400];
    let slopes = [1, 10, 10, 10, 9].map(|count| (count * 2 + 1) * 4).to_vec();
    let covariance = [slopes, vec![3 * 4], batches(1), batches(2), batches(3)].concat();
    for epoch in 0..=2 {
        let of = |what: &str| &heard.measuring[&format!("{what} after epoch {epoch}")];
        assert_eq!(*of("alignment"), alignment);
        assert_eq!(*of("covariance of gradients"), covariance);
        // Of this one, the data decide how many products it takes.
        let spectrum = of("spectrum");
        assert!(spectrum.len() > 2 && spectrum[..2] == [6 * 4; 2]);
        assert_eq!(spectrum.iter().sum::<u64>(), (40 + 2 * 20) * 6 * 4 + 10 * 3 * 2);
    }
}
