//! Losses, gradients and alignment on a GPU against the CPU in 64 bits, under every policy of batch norm.
//! `tests/device/run.sh` runs it on Mesa's software Vulkan, by way of WGSL: its reader of SPIR-V (22.3 and
//! 25.0) crashes at what the framework writes.

use burn::tensor::{DType, Device, Tensor, TensorData};
use losswalk::linalg::norm;
use losswalk::measure::alignments;
use losswalk::network::Entry;
use losswalk::objective::{
    BatchNormPolicy, Classification, Line, Loss, Objective, Point, device_by_name, device_of,
};
use losswalk::precision::Precision;
use losswalk::taylor::convolve2d;

use crate::grouped::{POLICIES, end, loss_on};
use crate::networks::TestResult;
use crate::planned::{model, smooth_model};

/// Shaders by way of WGSL, or of SPIR-V.
const NAME: &str = if cfg!(feature = "wgpu") { "wgpu" } else { "vulkan" };

const CASES: [(&str, (usize, usize)); 3] = [
    ("model.arch = 'mlp'\nmodel.hidden = [50, 35]", (9, 3)),
    ("model.arch = 'vgg11'\nmodel.width = 0.125", (32, 3)),
    ("model.arch = 'resnet'\nmodel.depth = 8", (16, 3)),
];

/// Networks that are drawn from these numbers, and the images' size: channels that are no fours, biases,
/// strides at odd sizes, activations and statistics before a shortcut, images of several pixels as one
/// row, and Winograd's convolutions with tiles of 4 and of 2.
const DRAWN: [(&[usize], usize); 7] = [
    (&[0, 3, 16, 16, 3, 7, 6], 8),
    (&[33, 3, 2, 4, 35], 7),
    (&[60, 3, 6, 6, 5, 48], 8),
    (&[35, 45, 19, 23], 4),
    (&[4], 6),
    (&[56, 3, 6, 57], 7),
    (&[56, 3, 57, 11], 2),
];

/// The loss of each case on the device and on the CPU, each under a policy of its own: drawn networks, which take
/// less time, are tested under every one.
fn on_both(check: impl Fn(&str, [&Classification; 2], &Point) -> TestResult) -> TestResult {
    for ((model, images), policy) in CASES.iter().zip(POLICIES) {
        let settings = [format!("evaluation.batch_norm={policy}")];
        let loss = |device: Device| loss_on(device, model, *images, &settings);
        let ((on_device, at), (on_cpu, _)) =
            (loss(device_by_name(NAME, None)?)?, loss(Device::flex())?);
        check(&format!("{policy} {model}"), [&on_device, &on_cpu], &at)?;
    }
    Ok(())
}

/// The same by Winograd's algorithm wherever there is one, though batches are small.
fn by_winograd((loss, at): (Classification, Point)) -> (Classification, Point) {
    (loss.winograd_from(0), at)
}

#[test]
fn lines_of_drawn_networks_are_those_of_the_cpu() -> TestResult {
    let settings = POLICIES.map(|policy| format!("evaluation.batch_norm={policy}"));
    let [authors, direct] =
        ["protocol=authors", "winograd=false"].map(|s| format!("evaluation.{s}"));
    let settings = settings.into_iter().chain([authors, direct]);
    for (setting, (choices, size)) in settings.flat_map(|s| DRAWN.map(|case| (s.clone(), case))) {
        let model = model(choices, size);
        let loss = |device| loss_on(device, &model, (size, 1), std::slice::from_ref(&setting));
        let ((on_device, at), (on_cpu, _)) =
            (by_winograd(loss(device_by_name(NAME, None)?)?), loss(Device::flex())?);
        assert_eq!(on_device.kernels(), Some("CubeCL"), "{model}");
        let to = end(&on_cpu, &at)?;
        let line = Line { from: &at, to: &to, number: 1 };
        let of = |loss: &Classification, precision| -> TestResult<Vec<Vec<f64>>> {
            let open = loss.open(line, &[0.0, 0.4, 1.0], precision)?;
            Ok(open.unit_losses(&[0, 1, 2, 3], &[0, 1, 2])?)
        };
        let found = of(&on_device, Precision::F32)?.concat();
        let expected = of(&on_cpu, Precision::F64)?.concat();
        let error = error(&found, &expected);
        assert!(error < 1e-4, "{error} under {setting}: {model}\n{found:?}\n{expected:?}");
    }
    Ok(())
}

/// Devices have kernels for rectifiers alone.
#[test]
fn smooth_functions_go_through_series_on_a_device() -> TestResult {
    let (model, size) = (smooth_model(&[16, 19, 36, 52], 8), (8, 1));
    let ((on_device, at), (on_cpu, _)) = (
        loss_on(device_by_name(NAME, None)?, &model, size, &[])?,
        loss_on(Device::flex(), &model, size, &[])?,
    );
    assert_eq!(on_device.kernels(), None, "{model}");
    let of = Loss::Measured;
    let found = on_device.gradient(&at, of, Precision::F32)?;
    let expected = on_cpu.gradient(&at, of, Precision::F64)?;
    let errors = [
        error(&[found.loss], &[expected.loss]),
        error(&found.gradient.to_f64(), &expected.gradient.to_f64()),
    ];
    assert!(errors.iter().all(|&error| error < 1e-4), "{errors:?}: {model}");
    Ok(())
}

/// What drawn networks are too small for: several tiles of a kernel over outputs, channels and rows, squares of
/// pixels, kernels of 5 and 7, and strides at odd sizes.
const LARGE: [(&str, (usize, usize)); 2] = [
    (
        "model.arch = 'layers'\nmodel.layers = [
{ kind = 'convolution', name = 'c0', outputs = 72, kernel_size = 3, bias = false },
{ kind = 'batch-norm', name = 'n0' }, { kind = 'relu' },
{ kind = 'convolution', name = 'c1', outputs = 136, kernel_size = 5, stride = 2 },
{ kind = 'batch-norm', name = 'n1' }, { kind = 'relu' },
{ kind = 'residual',
  main = [{ kind = 'convolution', name = 'm', outputs = 132, kernel_size = 3, stride = 2 }],
  shortcut = [{ kind = 'convolution', name = 's', outputs = 132, kernel_size = 1, stride = 2 }] },
{ kind = 'convolution', name = 'c2', outputs = 132, kernel_size = 3 },
{ kind = 'linear', name = 'last', outputs = 3 }]",
        (9, 3),
    ),
    (
        "model.arch = 'layers'\nmodel.layers = [
{ kind = 'convolution', name = 'c0', outputs = 10, kernel_size = 7 },
{ kind = 'batch-norm', name = 'n0' }, { kind = 'relu' },
{ kind = 'convolution', name = 'c1', outputs = 13, kernel_size = 3 },
{ kind = 'batch-norm', name = 'n1' }, { kind = 'relu' },
{ kind = 'convolution', name = 'c2', outputs = 9, kernel_size = 5, stride = 2 }, { kind = 'relu' },
{ kind = 'linear', name = 'last', outputs = 3 }]",
        (32, 1),
    ),
];

/// So many that their pixels are more rows than one cube of units adds up at once.
static BATCH: [u32; 10] = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7];

/// Losses of drawn networks on the device and on the CPU, under every policy of batch norm, and of large ones
/// under the one that has statistics of its own.
fn drawn_on_both(check: impl Fn(&str, [&Classification; 2], &Point) -> TestResult) -> TestResult {
    let drawn = DRAWN.map(|(choices, size)| (model(choices, size), (size, 1)));
    let drawn = drawn.into_iter().flat_map(|case| POLICIES.map(|policy| (case.clone(), policy)));
    let large = LARGE.map(|(model, images)| ((model.to_owned(), images), "batch"));
    for ((model, images), policy) in drawn.chain(large) {
        let setting = format!("evaluation.batch_norm={policy}");
        let loss = |device| loss_on(device, &model, images, std::slice::from_ref(&setting));
        let ((on_device, at), (on_cpu, _)) =
            (by_winograd(loss(device_by_name(NAME, None)?)?), loss(Device::flex())?);
        check(&format!("{setting} {model}"), [&on_device, &on_cpu], &at)?;
    }
    Ok(())
}

/// The measured loss and, once for all policies, that of a batch.
fn losses(loss: &Classification) -> impl Iterator<Item = Loss<'static>> {
    let of_batch = loss.measured().policy == BatchNormPolicy::Batch;
    [Loss::Measured].into_iter().chain(of_batch.then_some(Loss::in_epoch(&BATCH, 1)))
}

/// The largest error of a parameter's entries as a share of their norm, or of a hundredth of that of all.
fn largest_error(loss: &Classification, found: &[f64], expected: &[f64]) -> f64 {
    let least = 0.01 * norm(expected);
    let error = |entry: &Entry| {
        let [found, expected] = [found, expected].map(|all| &all[entry.range()]);
        error(found, expected) * norm(expected) / norm(expected).max(least)
    };
    loss.layout().parameters.iter().map(error).fold(0.0, f64::max)
}

#[test]
fn gradients_of_drawn_networks_are_those_of_the_cpu() -> TestResult {
    drawn_on_both(|what, [on_device, on_cpu], at| {
        for of in losses(on_cpu) {
            let found = on_device.gradient(at, of, Precision::F32)?;
            let expected = on_cpu.gradient(at, of, Precision::F64)?;
            assert!(error(&[found.loss], &[expected.loss]) < 2e-5, "{of:?}: {what}");
            let error = [
                largest_error(on_cpu, &found.gradient, &expected.gradient),
                error(&found.buffers, &expected.buffers),
            ];
            let single = on_cpu.gradient(at, of, Precision::F32)?.gradient;
            let allowed = 10.0 * largest_error(on_cpu, &single, &expected.gradient);
            let is_near = error[0] < allowed.max(1e-4) && error[1] < 1e-5;
            assert!(is_near, "{error:?} for {allowed} of {of:?}: {what}");
            let again = on_device.gradient(at, of, Precision::F32)?;
            assert_eq!(again.gradient, found.gradient, "the same bits of {of:?}: {what}");
        }
        Ok(())
    })
}

/// Theta takes more than one piece to send, and a device that has one must see that another is not it.
#[test]
fn thetas_that_differ_in_one_number_are_told_apart() -> TestResult {
    let model = "model.arch = 'mlp'\nmodel.hidden = [1100, 1000]";
    let loss = |device| loss_on(device, model, (9, 3), &[]);
    let (on_device, at) = loss(device_by_name(NAME, None)?)?;
    let (on_cpu, _) = loss(Device::flex())?;
    assert!(at.theta.len() > 1 << 20);
    let of_batch = Loss::in_epoch(&BATCH, 1);
    let first = on_device.gradient(&at, of_batch, Precision::F32)?;
    for index in [0, 1 << 20, at.theta.len() - 1] {
        let mut theta = at.theta.to_f64();
        theta[index] += 1.0;
        let other = Point { theta: theta.into(), ..at.clone() };
        let found = on_device.gradient(&other, of_batch, Precision::F32)?.gradient;
        let expected = on_cpu.gradient(&other, of_batch, Precision::F64)?.gradient;
        let error = error(&found, &expected);
        assert!(error < 1e-4 && found != first.gradient, "{error} at {index}");
        let again = on_device.gradient(&at, of_batch, Precision::F32)?;
        assert_eq!((again.loss, again.gradient), (first.loss, first.gradient.clone()));
    }
    Ok(())
}

#[test]
fn drawn_networks_move_along_directions_as_on_the_cpu() -> TestResult {
    drawn_on_both(|what, [on_device, on_cpu], at| {
        let gradient = on_cpu.gradient(at, Loss::in_epoch(&BATCH, 1), Precision::F64)?.gradient;
        let other: Vec<f64> = at.theta.iter().map(|x| 0.1 * x).collect();
        for of in losses(on_cpu) {
            let of = |loss: &Classification, precision| {
                loss.directional(at, of, &[&gradient, &other], precision)
            };
            let found = of(on_device, Precision::F32)?;
            let expected = of(on_cpu, Precision::F64)?;
            for (found, expected) in found.iter().zip(&expected) {
                let error = [
                    error(&[found.loss], &[expected.loss]),
                    error(&[found.slope], &[expected.slope]),
                    error(&[found.covariance], &[expected.covariance]),
                    error(&[found.curvature], &[expected.curvature]),
                ];
                assert!(error[0] < 2e-5 && error[1] < 1e-3, "{error:?} of {what}");
                assert!(error[2] < 1e-2 && error[3] < 1e-2, "{error:?} of {what}");
            }
        }
        Ok(())
    })
}

#[test]
fn hessian_products_of_drawn_networks_are_those_of_the_cpu() -> TestResult {
    drawn_on_both(|what, [on_device, on_cpu], at| {
        let v: Vec<f64> = (0..at.theta.len()).map(|i| (i as f64 * 0.7).sin()).collect();
        let found = on_device.hessian_product(at, &v, Precision::F32)?;
        let expected = on_cpu.hessian_product(at, &v, Precision::F64)?;
        let error = largest_error(on_cpu, &found, &expected);
        let single = on_cpu.hessian_product(at, &v, Precision::F32)?;
        // Norms' coefficients are in 32 bits on the device, in 64 on the CPU.
        let allowed = 50.0 * largest_error(on_cpu, &single, &expected);
        assert!(error < allowed.max(1e-4), "{error} for {allowed}: {what}");
        Ok(())
    })
}

/// The error of a vector in 32 bits, as a share of its norm.
fn error(found: &[f64], expected: &[f64]) -> f64 {
    let difference: Vec<f64> = found.iter().zip(expected).map(|(a, b)| a - b).collect();
    norm(&difference) / norm(expected).max(f64::MIN_POSITIVE)
}

#[test]
fn losses_of_groups_are_those_of_the_cpu() -> TestResult {
    on_both(|what, [on_device, on_cpu], at| {
        let to = end(on_cpu, at)?;
        let line = Line { from: at, to: &to, number: 0 };
        let of = |loss: &Classification, precision| -> TestResult<Vec<Vec<f64>>> {
            let open = loss.open(line, &[0.0, 0.4, 1.0], precision)?;
            Ok(open.unit_losses(&[0, 1, 2, 3], &[0, 1, 2])?)
        };
        let found = of(on_device, Precision::F32)?;
        for (found, expected) in found.iter().zip(of(on_cpu, Precision::F64)?) {
            assert!(error(found, &expected) < 2e-5, "{what}: {found:?} for {expected:?}");
        }
        let all_at = |point: usize| found.iter().map(|unit| unit[point]).collect::<Vec<f64>>();
        assert!(error(&all_at(0), &all_at(2)) > 2e-3, "{what}: points are told apart");
        assert_eq!(of(on_device, Precision::F32)?, found, "{what}: the same bits again");
        let [found, expected] =
            [on_device.scores(at, Precision::F32)?.train, on_cpu.scores(at, Precision::F64)?.train];
        assert!(error(&[found.loss], &[expected.loss]) < 2e-5, "{what}");
        assert_eq!(found.accuracy, expected.accuracy, "{what}");
        Ok(())
    })
}

#[test]
fn gradients_are_those_of_the_cpu() -> TestResult {
    on_both(|what, [on_device, on_cpu], at| {
        let batch = [3, 1, 4, 0, 5, 9, 2, 6];
        for of in [Loss::Measured, Loss::in_epoch(&batch, 1)] {
            let found = on_device.gradient(at, of, Precision::F32)?;
            let expected = on_cpu.gradient(at, of, Precision::F64)?;
            assert!(error(&[found.loss], &[expected.loss]) < 2e-5, "{what}");
            let error = [
                error(&found.gradient, &expected.gradient),
                error(&found.buffers, &expected.buffers),
            ];
            assert!(error.iter().all(|&error| error < 1e-3), "{what}: {error:?}");
        }
        Ok(())
    })
}

#[test]
fn alignment_is_that_of_the_cpu() -> TestResult {
    on_both(|what, [on_device, on_cpu], at| {
        let batches = [Loss::of(&[3, 1, 4, 0, 5, 9]), Loss::of(&[2, 6, 7, 8])];
        let found = alignments(on_device, at, &batches, Precision::F32)?;
        let expected = alignments(on_cpu, at, &batches, Precision::F64)?;
        for (found, expected) in found.iter().zip(expected) {
            let full = found.full.zip(expected.full).ok_or("a gradient of zero")?;
            let of_batch = found.of_batch.zip(expected.of_batch).ok_or("no curvature")?;
            let pairs = [
                (found.grad_norm, expected.grad_norm),
                (full.0.slope, full.1.slope),
                (full.0.curvature, full.1.curvature),
                of_batch,
            ];
            for (found, expected) in pairs {
                assert!(error(&[found], &[expected]) < 1e-2, "{what}: {found} for {expected}");
            }
        }
        Ok(())
    })
}

#[test]
fn processes_take_devices_in_turn() -> TestResult {
    let names: Vec<String> = (0..9).map(|process| device_of(NAME, process)).collect();
    assert_eq!(names[0], format!("{NAME}:0"));
    let count = names.iter().skip(1).position(|name| *name == names[0]).map(|index| index + 1);
    let count = count.ok_or("more devices than this test counts to")?;
    for name in &names {
        device_by_name(name, None)?;
    }
    assert!(device_by_name(&format!("{NAME}:{count}"), None).is_err(), "one more than there are");
    assert_eq!(device_of(&names[0], 5), names[0]);
    Ok(())
}

#[test]
fn what_a_device_compares_is_its_error_on_the_first_batches() -> TestResult {
    on_both(|what, [on_device, on_cpu], at| {
        let to = end(on_cpu, at)?;
        let line = Line { from: at, to: &to, number: 0 };
        let [single, double] = on_device.compared(line, &[0.0, 0.5])?.ok_or("nothing compared")?;
        assert!(
            error(&single, &double) < 2e-5 && single != double,
            "{what}: {single:?} {double:?}"
        );
        Ok(())
    })
}

/// Numbers that need all 24 bits, times one: TF32 would keep 11 of them.
#[test]
fn products_are_in_32_bits() -> TestResult {
    let device = device_by_name(NAME, None)?;
    let (rows, width) = (512, 128);
    let number = |i: usize| 1.0 + (i * 7919 % (1 << 23)) as f32 * f32::EPSILON;
    let numbers: Vec<f32> = (0..rows * width).map(number).collect();
    let on_device = |numbers: Vec<f32>, shape: [usize; 4]| {
        Tensor::<4>::from_data(TensorData::new(numbers, shape), (&device, DType::F32))
    };
    let identity = (0..width * width).map(|i| f32::from(i / width == i % width)).collect();
    let identity = on_device(identity, [1, 1, width, width]);
    let matrix = on_device(numbers.clone(), [1, 1, rows, width]);
    let found: Vec<f32> = matrix.matmul(identity.clone()).into_data().iter().collect();
    assert_eq!(found, numbers, "a product of matrices");
    let images = on_device(numbers.clone(), [8, 8, 8, width]);
    let found: Vec<f32> = convolve2d(images, identity, 1, 0).into_data().iter().collect();
    assert_eq!(found, numbers, "a convolution");
    Ok(())
}
