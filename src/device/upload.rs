//! From numbers of the host and images to what the kernels read, in fours of channels.

use cubecl::bytes::Bytes;
use cubecl::prelude::*;
use rayon::prelude::*;

use super::elementwise::scale;
use super::{Buffer, UNITS, V, cubes};

/// Numbers that a thread converts, at least.
pub(crate) const SHARED: usize = 1 << 14;
/// Bytes that are sent at once: of 37 MB, 4 and 8 MiB took a half to a third of the time of 16 and more.
const SENT: usize = 1 << 22;

/// So many numbers in single precision, converted on all threads.
pub(crate) fn single(len: usize, of: impl Fn(usize) -> f64 + Sync) -> Vec<f32> {
    (0..len).into_par_iter().with_min_len(SHARED).map(|i| of(i) as f32).collect()
}

/// So many numbers in single precision on a device.
pub(crate) fn upload(client: &Client, len: usize, of: impl Fn(usize) -> f64 + Sync) -> Buffer {
    send(client, &Bytes::from_elems(single(len, of)).shared())
}

/// Shared numbers in single precision on a device. They go piece by piece: each passes through memory that the
/// device reads, which is made anew for a large piece but used again for small ones, as soon as a launch that
/// takes the one before is on its way.
pub(crate) fn send(client: &Client, numbers: &Bytes) -> Buffer {
    let piece = |start: usize| {
        let end = numbers.len().min(start + SENT);
        let piece = numbers.view(start, end).unwrap_or_else(|_| unreachable!("they are shared"));
        Buffer::at(client.create(piece), (end - start) / size_of::<f32>())
    };
    if numbers.len() <= SENT {
        return piece(0);
    }
    let len = numbers.len() / size_of::<f32>();
    let all = Buffer::at(Buffer::fours(client, len.div_ceil(4)).handle(), len);
    for start in (0..numbers.len()).step_by(SENT) {
        let piece = piece(start);
        let place = all.handle().offset_start(start as u64);
        let place = Buffer::at(place, piece.len());
        scale(client, 1.0, [piece, place]);
    }
    all
}

/// Rows of channels filled up with zeros to fours.
pub(crate) fn channels<const N: usize>(client: &Client, rows: [&[f64]; N]) -> Buffer {
    let width = rows[0].len().next_multiple_of(4);
    let number = |i: usize| rows[i / width].get(i % width).copied().unwrap_or_default();
    upload(client, N * width, number).first(N * width / 4)
}

/// Rows of numbers filled up with zeros to fours.
fn fours(client: &Client, channels: usize, [input, output]: [Buffer; 2]) {
    let len = output.len();
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        fours_kernel::launch_unchecked(
            client,
            cubes(len),
            CubeDim::new_1d(UNITS),
            input.argument(),
            output.argument(),
            channels,
        );
    }
}

#[cube(launch_unchecked)]
fn fours_kernel(input: &[f32], output: &mut [V], #[comptime] channels: usize) {
    let fours = comptime!(channels.div_ceil(4));
    let at = ABSOLUTE_POS;
    if at < output.len() {
        let (row, first) = (at / fours, at % fours * 4);
        let mut value = V::new(0.0);
        #[unroll]
        for k in 0..4usize {
            if first + k < channels {
                value.insert(k, input[row * channels + first + k]);
            }
        }
        output[at] = value;
    }
}

/// Images on their way to the kernels.
pub(crate) enum Images {
    /// Numbers, [samples, pixels, channels].
    Numbers(Buffer),
    /// Bytes of a set that is there.
    Bytes(ImageBytes),
}

/// Some images of a set that is there as bytes, four to a word, the first its lowest.
pub(crate) struct ImageBytes {
    words: Buffer,
    /// Of an image.
    words_of_image: usize,
    channels: usize,
    samples: usize,
    /// Which samples, and then the bits of what each byte of a channel stands for, 256 numbers a channel.
    wanted: Buffer,
}

impl ImageBytes {
    /// Of a set's `words`, so many an image, with a table of what each byte of a channel stands for.
    pub fn of(
        client: &Client,
        (words, words_of_image): (Buffer, usize),
        samples: &[u32],
        levels: &[[f32; 256]],
    ) -> Self {
        let bits = levels.as_flattened().iter().map(|level| level.to_bits());
        let wanted: Vec<u32> = samples.iter().copied().chain(bits).collect();
        let (samples, wanted) = (samples.len(), Buffer::of(client, &wanted));
        Self { words, words_of_image, channels: levels.len(), samples, wanted }
    }
}

/// Images as the kernels read them, so many channels a pixel, filled up with zeros to fours.
pub(crate) fn images(
    client: &Client,
    [pixels, channels]: [usize; 2],
    from: Images,
    output: Buffer,
) {
    let bytes = match from {
        Images::Numbers(numbers) => return fours(client, channels, [numbers, output]),
        Images::Bytes(bytes) => bytes,
    };
    let form = ImageForm { pixels, channels, of_image: bytes.channels };
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        images_kernel::launch_unchecked(
            client,
            cubes(output.len()),
            CubeDim::new_1d(UNITS),
            bytes.words.argument(),
            bytes.wanted.argument(),
            output.argument(),
            bytes.samples as u32,
            bytes.words_of_image as u32,
            form,
        );
    }
}

/// How images are read, and channels of a pixel as they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct ImageForm {
    pixels: usize,
    channels: usize,
    of_image: usize,
}

#[cube(launch_unchecked)]
fn images_kernel(
    words: &[u32],
    wanted: &[u32],
    output: &mut [V],
    samples: u32,
    words_of_image: u32,
    #[comptime] form: ImageForm,
) {
    let fours = comptime!(form.channels.div_ceil(4));
    let at = ABSOLUTE_POS;
    if at < output.len() {
        let (row, first) = (at / fours, at % fours * 4);
        let (sample, pixel) = (row / form.pixels, row % form.pixels);
        let start = wanted[sample] as usize * words_of_image as usize;
        let mut value = V::new(0.0);
        #[unroll]
        for k in 0..4usize {
            if first + k < form.channels {
                let byte = pixel * form.channels + first + k;
                let level = (words[start + byte / 4] >> (byte % 4 * 8) as u32) & 255u32;
                let table = samples as usize + byte % form.of_image * 256;
                value.insert(k, f32::reinterpret(wanted[table + level as usize]));
            }
        }
        output[at] = value;
    }
}
