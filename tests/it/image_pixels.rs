//! The pixels of PNG and JPEG images, as they come into a data set.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use image::{ImageFormat, Rgb, RgbImage};
use losswalk::data::{ImageShape, load};

use crate::image_folder::{encode, grey, jpeg, png, write};

#[test]
fn grey_images_have_one_channel_unless_others_have_three() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["train/a/1.jpg", "train/b/2.JPEG"] {
        write(folder.path(), name, &jpeg(&grey(16, 8)));
    }
    let data = load("folder", Some(folder.path())).unwrap();
    assert_eq!(data.shape(), ImageShape { height: 8, width: 16, channels: 1 });
    assert!(data.images().iter().all(|&byte| byte == 77));

    let red = RgbImage::from_pixel(16, 8, Rgb([200, 0, 0])).into();
    write(folder.path(), "train/b/2.JPEG", &png(&red));
    let data = load("folder", Some(folder.path())).unwrap();
    assert_eq!(data.shape(), ImageShape { height: 8, width: 16, channels: 3 });
    let (first, second) = data.images().split_at(3 * 16 * 8);
    assert!(first.iter().all(|&byte| byte == 77));
    assert!(second.chunks(3).all(|pixel| pixel == [200, 0, 0]));
}

#[test]
fn a_jpeg_has_the_colours_that_were_put_in() {
    let folder = tempfile::tempdir().unwrap();
    let flat = RgbImage::from_pixel(16, 16, Rgb([180, 90, 30])).into();
    write(folder.path(), "train/a/1.jpeg", &jpeg(&flat));
    let data = load("folder", Some(folder.path())).unwrap();
    for pixel in data.images().chunks(3) {
        // A flat colour survives the compression up to its rounding; red for blue would be 150 off.
        assert!(pixel.iter().zip([180u8, 90, 30]).all(|(a, b)| a.abs_diff(b) <= 3), "{pixel:?}");
    }
}

/// Pixels whose every bit counts, as a file in the format.
fn noise(format: ImageFormat) -> Vec<u8> {
    let pixel = |x: u32, y: u32| {
        let mixed = (x.wrapping_mul(2_654_435_761) + y * 40_503) ^ (x * y);
        Rgb([mixed as u8, (mixed >> 8) as u8, (mixed >> 16) as u8])
    };
    encode(&RgbImage::from_fn(19, 13, pixel).into(), format)
}

#[test]
fn pixels_are_those_of_another_reader() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let folder = tempfile::tempdir().unwrap();
        let file = noise(format);
        write(folder.path(), "train/a/1.png", &file);
        let data = load("folder", Some(folder.path())).unwrap();
        let theirs = image::load_from_memory(&file).unwrap();
        assert_eq!(data.images(), theirs.as_bytes(), "{format:?}");
    }
}

/// 4 rows of 3 pixels in `depth` bits, 1, 0, 1, and so on, of `palette`, or grey without one.
fn few_bits(depth: png::BitDepth, palette: Option<&'static [u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 3, 4);
    encoder.set_depth(depth);
    encoder.set_color(png::ColorType::Grayscale);
    if let Some(palette) = palette {
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_palette(palette);
    }
    let row = match depth {
        png::BitDepth::One => vec![0b1010_0000],
        _ => vec![0x10, 0x10],
    };
    encoder.write_header().unwrap().write_image_data(&row.repeat(4)).unwrap();
    bytes
}

#[test]
fn palettes_and_few_bits_become_bytes() {
    let cases: [(Vec<u8>, usize, &[u8]); 3] = [
        (few_bits(png::BitDepth::One, None), 1, &[255, 0, 255]),
        (few_bits(png::BitDepth::Four, None), 1, &[17, 0, 17]),
        (
            few_bits(png::BitDepth::Four, Some(&[10, 20, 30, 40, 50, 60])),
            3,
            &[40, 50, 60, 10, 20, 30, 40, 50, 60],
        ),
    ];
    for (file, channels, row) in cases {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "train/a/1.png", &file);
        let data = load("folder", Some(folder.path())).unwrap();
        assert_eq!(data.shape(), ImageShape { height: 4, width: 3, channels });
        assert_eq!(data.images(), row.repeat(4));
    }
}
