//! The layers of the paper's networks on one thread: `cargo bench --bench kernels [-- NAME]`.
//!
//! Shares of the FMA peak, which is measured between repetitions; medians of the time that the thread
//! was on a CPU. Multiplications are counted twice: those that
//! touch real pixels, and nominally, padding included. Both count those of the definition, so that
//! Winograd's share is an effective one. Inputs are normalised, and statistics gathered, as in a network.

use std::hint::black_box;

use cpu_time::ThreadTime;
use losswalk::kernels::{
    Algorithm, Aligned, ConvolutionShape, InstructionSet, Normalise, PackedConvolution, Scratch,
    Source, Statistics, Target, peak_flops,
};

type BenchResult<T = ()> = Result<T, Box<dyn std::error::Error>>;

const SAMPLES: usize = 100;
const REPETITIONS: usize = 9;
const ALGORITHMS: [Algorithm; 3] = [Algorithm::Direct, Algorithm::Winograd2, Algorithm::Winograd4];

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
    println!("{}", InstructionSet::detect().name());
    println!("layer                     algorithm  us/sample  needed  nominal");
    for (layer, shape) in LAYERS {
        if name.as_ref().is_some_and(|name| !layer.contains(name.as_str())) {
            continue;
        }
        for algorithm in ALGORITHMS {
            let Ok([seconds, peak]) = measure(shape, algorithm) else { continue };
            let share = |multiplications| 2.0 * multiplications as f64 / seconds / peak;
            let (needed, nominal) =
                (share(shape.needed_multiplications()), share(shape.nominal_multiplications()));
            let (micros, algorithm) = (1e6 * seconds, format!("{algorithm:?}"));
            println!("{layer:<25} {algorithm:<10} {micros:9.2} {needed:7.3} {nominal:8.3}");
        }
    }
    Ok(())
}

/// Seconds a sample and the peak, medians.
fn measure(shape: ConvolutionShape, algorithm: Algorithm) -> BenchResult<[f64; 2]> {
    let numbers = |len: usize| -> Vec<f32> {
        (0..len).map(|i| (i * 7919 % 1000) as f32 / 1000.0 - 0.5).collect()
    };
    let instructions = InstructionSet::detect();
    let weights = numbers(shape.weight_len());
    let packed = PackedConvolution::new(instructions, shape, algorithm, &weights, None)?;
    let pixels = numbers(SAMPLES * shape.input_len());
    let [mean, scale, offset] = [(); 3].map(|()| numbers(shape.inputs));
    let normalise = Normalise { mean: &mean, scale: &scale, offset: &offset, rectify: true };
    let source = Source { pixels: &pixels, normalise: Some(normalise) };
    let shift = numbers(shape.outputs);
    let mut output = Aligned::zeros(SAMPLES * shape.output_len());
    let mut sums = vec![0.0; SAMPLES * 2 * shape.outputs];
    let mut scratch = Scratch::default();
    let [mut seconds, mut peaks] = [(); 2].map(|()| Vec::new());
    for _ in 0..REPETITIONS {
        peaks.push(peak_flops(instructions));
        let start = ThreadTime::now();
        let statistics = Statistics { shift: &shift, sums: &mut sums };
        let target = Target { pixels: &mut output, shortcut: None, statistics: Some(statistics) };
        packed.forward(source, target, &mut scratch);
        seconds.push(start.elapsed().as_secs_f64() / SAMPLES as f64);
    }
    black_box(&output);
    Ok([median(seconds), median(peaks)])
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
