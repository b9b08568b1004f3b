//! The layers of the paper's networks on one thread: `cargo bench --bench kernels [-- NAME]`.
//!
//! Every instruction set of the CPU in turns. Shares of the FMA peak, which is measured between repetitions; medians of
//! the time that the thread was on a CPU. Multiplications are counted twice: those that
//! touch real pixels, and nominally, padding included. Both count those of the definition, so that
//! Winograd's share is an effective one. Inputs are normalised, and statistics gathered, as in a network.

use cpu_time::ThreadTime;
use losswalk::kernels::{
    Algorithm, ConvolutionShape, InstructionSet, Normalise, PackedConvolution, PackedInputGradient,
    Scratch, Source, Statistics, Target, WeightGradient, peak_flops,
};

type BenchResult<T = ()> = Result<T, Box<dyn std::error::Error>>;

const SAMPLES: usize = 100;
const REPETITIONS: usize = 9;
/// At least so many a repetition.
const MULTIPLICATIONS: usize = 200_000_000;
const WORK: [Work; 10] = [
    Work::Forward(Algorithm::Direct),
    Work::Forward(Algorithm::Winograd2),
    Work::Forward(Algorithm::Winograd4),
    Work::Forward(Algorithm::Whole2),
    Work::InputGradient(Algorithm::Direct),
    Work::InputGradient(Algorithm::Winograd4),
    Work::InputGradient(Algorithm::Whole2),
    Work::WeightGradient(Algorithm::Direct),
    Work::WeightGradient(Algorithm::Winograd4),
    Work::WeightGradient(Algorithm::Whole2),
];

#[derive(Debug, Clone, Copy)]
enum Work {
    Forward(Algorithm),
    InputGradient(Algorithm),
    WeightGradient(Algorithm),
}

const fn layer(
    size: usize,
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
) -> ConvolutionShape {
    ConvolutionShape { height: size, width: size, inputs, outputs, kernel, stride }
}

const LAYERS: [(&str, ConvolutionShape); 19] = [
    ("vgg 3->64 @32", layer(32, 3, 64, 3, 1)),
    ("vgg 64->128 @16", layer(16, 64, 128, 3, 1)),
    ("vgg 128->256 @8", layer(8, 128, 256, 3, 1)),
    ("vgg 256->256 @8", layer(8, 256, 256, 3, 1)),
    ("vgg 256->512 @4", layer(4, 256, 512, 3, 1)),
    ("vgg 512->512 @4", layer(4, 512, 512, 3, 1)),
    ("vgg 512->512 @2", layer(2, 512, 512, 3, 1)),
    ("vgg 512->512", layer(1, 512, 512, 1, 1)),
    ("resnet 3->16 @32", layer(32, 3, 16, 3, 1)),
    ("resnet 16->16 @32", layer(32, 16, 16, 3, 1)),
    ("resnet 16->32 @32 /2", layer(32, 16, 32, 3, 2)),
    ("resnet 32->32 @16", layer(16, 32, 32, 3, 1)),
    ("resnet 32->64 @16 /2", layer(16, 32, 64, 3, 2)),
    ("resnet 64->64 @8", layer(8, 64, 64, 3, 1)),
    ("resnet 16->32 @32 1x1 /2", layer(32, 16, 32, 1, 2)),
    ("resnet 32->64 @16 1x1 /2", layer(16, 32, 64, 1, 2)),
    ("mlp 784->500", layer(1, 784, 500, 1, 1)),
    ("mlp 500->350", layer(1, 500, 350, 1, 1)),
    ("mlp 350->10", layer(1, 350, 10, 1, 1)),
];

fn main() -> BenchResult {
    let name = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    // The portable one is not for this CPU, unless it is all that there is.
    let mut all = InstructionSet::available();
    all.truncate((all.len() - 1).max(1));
    println!(
        "layer                     work                      instructions  us/sample  needed  nominal"
    );
    for (layer, shape) in LAYERS {
        if name.as_ref().is_some_and(|name| !layer.contains(name.as_str())) {
            continue;
        }
        for work in WORK {
            let Ok(measured) = measure(&all, shape, work) else { continue };
            for ([seconds, peak], instructions) in measured.into_iter().zip(&all) {
                let share = |multiplications| 2.0 * multiplications as f64 / seconds / peak;
                let (needed, nominal) =
                    (share(shape.needed_multiplications()), share(shape.nominal_multiplications()));
                let (micros, work) = (1e6 * seconds, format!("{work:?}"));
                let instructions = instructions.name();
                println!(
                    "{layer:<25} {work:<25} {instructions:<12} {micros:10.2} {needed:7.3} {nominal:8.3}"
                );
            }
        }
    }
    Ok(())
}

/// Seconds a sample and the peak, medians, of instruction sets in turns.
fn measure(
    all: &[InstructionSet],
    shape: ConvolutionShape,
    work: Work,
) -> BenchResult<Vec<[f64; 2]>> {
    let runs: BenchResult<Vec<_>> = all.iter().map(|&set| run(set, shape, work)).collect();
    let mut runs = runs?;
    let times = MULTIPLICATIONS.div_ceil(SAMPLES * shape.needed_multiplications());
    let mut measured = vec![[(); 2].map(|()| Vec::new()); all.len()];
    for _ in 0..REPETITIONS {
        for ((run, [seconds, peaks]), &set) in runs.iter_mut().zip(&mut measured).zip(all) {
            peaks.push(peak_flops(set));
            let start = ThreadTime::now();
            (0..times).for_each(|_| run());
            seconds.push(start.elapsed().as_secs_f64() / (times * SAMPLES) as f64);
        }
    }
    Ok(measured.into_iter().map(|numbers| numbers.map(median)).collect())
}

/// A layer's work on a batch.
fn run(
    instructions: InstructionSet,
    shape: ConvolutionShape,
    work: Work,
) -> BenchResult<Box<dyn FnMut()>> {
    let weights = numbers(shape.weight_len());
    let mut pass = Pass::new(instructions, shape);
    Ok(match work {
        Work::Forward(algorithm) => {
            let packed = PackedConvolution::new(instructions, shape, algorithm, &weights, None)?;
            Box::new(move || pass.forward(&packed))
        }
        Work::InputGradient(algorithm) => {
            let packed = PackedInputGradient::new(instructions, shape, algorithm, &weights)?;
            Box::new(move || pass.input_gradient(&packed))
        }
        Work::WeightGradient(algorithm) => {
            algorithm.check(shape)?;
            Box::new(move || pass.weight_gradient(algorithm))
        }
    })
}

fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i * 7919 % 1000) as f32 / 1000.0 - 0.5).collect()
}

/// What a layer reads and writes.
struct Pass {
    shape: ConvolutionShape,
    inputs: Vec<f32>,
    outputs: Vec<f32>,
    weights: WeightGradient,
    gradient: Vec<f32>,
    channels: Vec<f32>,
    sums: Vec<f32>,
    scratch: Scratch,
}

impl Pass {
    fn new(instructions: InstructionSet, shape: ConvolutionShape) -> Self {
        Self {
            shape,
            inputs: numbers(SAMPLES * shape.input_len()),
            outputs: numbers(SAMPLES * shape.output_len()),
            weights: WeightGradient::new(instructions, shape),
            gradient: vec![0.0; shape.weight_len()],
            channels: numbers(shape.inputs.max(shape.outputs)),
            sums: vec![0.0; SAMPLES * 2 * shape.outputs],
            scratch: Scratch::default(),
        }
    }

    fn forward(&mut self, packed: &PackedConvolution) {
        let values = &self.channels[..self.shape.inputs];
        let normalise = Normalise { mean: values, scale: values, offset: values, rectify: true };
        let source = Source { pixels: &self.inputs, normalise: Some(normalise) };
        let shift = &self.channels[..self.shape.outputs];
        let statistics = Some(Statistics { shift, sums: &mut self.sums });
        let target = Target { statistics, ..Target::plain(&mut self.outputs) };
        packed.forward(source, target, &mut self.scratch);
    }

    fn input_gradient(&mut self, packed: &PackedInputGradient) {
        let source = Source { pixels: &self.outputs, normalise: None };
        let target = Target::plain(&mut self.inputs);
        packed.apply(source, target, &mut self.scratch);
    }

    fn weight_gradient(&mut self, algorithm: Algorithm) {
        let images = Source { pixels: &self.inputs, normalise: None };
        for part in self.weights.parts((algorithm, 1), SAMPLES, false) {
            part.run(images, &self.outputs, &mut self.scratch);
        }
        // Products of a fully connected layer are computed as they are read.
        if self.shape.is_linear() {
            self.weights.read(SAMPLES, 0.01, 0, &mut self.gradient);
        }
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
