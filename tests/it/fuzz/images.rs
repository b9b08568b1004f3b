//! PNG and JPEG files in a folder of classes.

use flate2::Crc;
use image::{DynamicImage, Rgb, RgbImage};

use super::Target;
use super::published::fuzz_file;
use crate::image_folder::{grey, jpeg, png, write};
use crate::program::TestResult;

/// Gives every chunk of a PNG file the checksum that it should have.
fn repair_png(bytes: &mut [u8]) {
    let mut start = 8;
    while let Some(head) = bytes.get(start..start + 8) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let end = start.saturating_add(8).saturating_add(length);
        let Some(content) = bytes.get(start + 4..end) else { return };
        let mut checksum = Crc::new();
        checksum.update(content);
        let Some(place) = bytes.get_mut(end..end + 4) else { return };
        place.copy_from_slice(&checksum.sum().to_be_bytes());
        start = end + 4;
    }
}

fn colour() -> DynamicImage {
    RgbImage::from_fn(6, 5, |x, y| Rgb([40 * x as u8, 50 * y as u8, 9])).into()
}

#[test]
fn png_and_jpeg_files() -> TestResult {
    let folder = tempfile::tempdir()?;
    write(folder.path(), "train/b/1.png", &png(&colour()));
    let words = ["IHDR", "IDAT", "IEND", "PLTE", "tRNS", "acTL", "fcTL", "iCCP", "zTXt"];
    let target = Target::new("png", vec![png(&colour()), png(&grey(6, 5))]);
    let target = Target { words: &words, repair: repair_png, ..target };
    fuzz_file(target, "folder", folder.path(), "train/b/2.png")?;
    let target = Target::new("jpeg", vec![jpeg(&colour()), jpeg(&grey(6, 5))]);
    fuzz_file(target, "folder", folder.path(), "train/b/2.png")
}
