//! Folders of PNG and JPEG images, whole and damaged.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage};
use losswalk::data::{DataError, ImageShape, load};
use tempfile::TempDir;

use crate::lab::{Lab, end, lines, manifest};
use crate::program::losswalk;

pub fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub fn png(image: &DynamicImage) -> Vec<u8> {
    encode(image, ImageFormat::Png)
}

pub fn jpeg(image: &DynamicImage) -> Vec<u8> {
    encode(image, ImageFormat::Jpeg)
}

/// 4 rows of 3 RGB pixels; red is `first` + 10 row + column, green 1 and blue 2 more.
fn colour(first: u8) -> DynamicImage {
    let pixel = |x: u32, y: u32| {
        let red = first + (10 * y + x) as u8;
        Rgb([red, red + 1, red + 2])
    };
    RgbImage::from_fn(3, 4, pixel).into()
}

pub fn grey(width: u32, height: u32) -> DynamicImage {
    GrayImage::from_pixel(width, height, Luma([77])).into()
}

/// Writes a file and the folders that it is in.
pub fn write(root: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path
}

/// Two images of the class `ant`, one of `bee`.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, first) in [("bee/1.png", 100), ("ant/b.PNG", 50), ("ant/a.png", 0)] {
        write(&folder.path().join("train"), name, &png(&colour(first)));
    }
    folder
}

/// What may be wrong: a name for it, the damage, the file that the message names, and what it says.
pub type Damage = (&'static str, fn(&Path), &'static str, &'static str);

/// Checks the message about a set that was whole before the damage.
pub fn refuses(set: &str, whole: &Path, (what, spoil, file, expected): Damage) {
    spoil(whole);
    let text = match load(set, Some(whole)) {
        Ok(data) => panic!("{what}: read as {data:?}"),
        Err(error) => error.to_string(),
    };
    let path = whole.join(file).display().to_string();
    assert!(text.contains(path.trim_end_matches('/')), "{what}: {text}");
    assert!(text.contains(expected), "{what}: `{expected}` is missing from: {text}");
}

#[test]
fn classes_are_sorted_and_take_turns() {
    let folder = folder();
    write(folder.path(), "train/ant/.hidden", b"not an image");
    let data = load("folder", Some(folder.path())).unwrap();
    assert_eq!(data.shape(), ImageShape { height: 4, width: 3, channels: 3 });
    assert_eq!((data.labels(), data.classes()), ([0, 1, 0].as_slice(), 2));
    let first_red: Vec<u8> = data.images().chunks(36).map(|image| image[0]).collect();
    assert_eq!(first_red, [0, 100, 50]);
    // Row 2, column 1 of the second image.
    assert_eq!(&data.images()[36 + (2 * 3 + 1) * 3..][..3], [121, 122, 123]);
    assert_eq!(data.pixels::<f64>(&[1])[0], 100.0 / 255.0 - 0.5);
}

#[test]
fn the_checksum_changes_with_every_file() {
    let folder = folder();
    let sum = || load("folder", Some(folder.path())).unwrap().files()[0].sha256.clone();
    let before = sum();
    assert_eq!(before, sum());
    write(folder.path(), "train/bee/1.png", &png(&colour(101)));
    assert_ne!(before, sum());
}

/// Replaces the image of the class `bee`.
fn replace(root: &Path, bytes: &[u8]) {
    write(root, "train/bee/1.png", bytes);
}

fn whole_png() -> Vec<u8> {
    png(&colour(0))
}

/// A good file with some bits of one byte changed.
fn flipped(at: usize) -> Vec<u8> {
    let mut bytes = whole_png();
    bytes[at] ^= 0x55;
    bytes
}

/// A good file whose header claims another width; the checksum of the header is right again.
fn claiming(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = whole_png();
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let mut sum = flate2::Crc::new();
    sum.update(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&sum.sum().to_be_bytes());
    bytes
}

fn black(width: u32, height: u32) -> Vec<u8> {
    png(&RgbImage::new(width, height).into())
}

fn grey_jpeg() -> Vec<u8> {
    jpeg(&grey(3, 4))
}

const IMAGE: &str = "train/bee/1.png";
const DECODED: &str = "cannot be decoded as PNG or JPEG";
const CUT: &str = "the JPEG file is truncated";

const DAMAGED_IMAGES: [Damage; 25] = [
    ("empty", |root| replace(root, b""), IMAGE, DECODED),
    ("text", |root| replace(root, b"this is no image"), IMAGE, DECODED),
    ("web page", |root| replace(root, b"<!DOCTYPE html>"), IMAGE, DECODED),
    ("signature only", |root| replace(root, &whole_png()[..8]), IMAGE, DECODED),
    ("cut in the header", |root| replace(root, &whole_png()[..20]), IMAGE, DECODED),
    ("cut in the pixels", |root| replace(root, &whole_png()[..50]), IMAGE, DECODED),
    ("damaged signature", |root| replace(root, &flipped(1)), IMAGE, DECODED),
    ("damaged header", |root| replace(root, &flipped(17)), IMAGE, DECODED),
    ("damaged checksum", |root| replace(root, &flipped(30)), IMAGE, DECODED),
    ("damaged pixels", |root| replace(root, &flipped(45)), IMAGE, DECODED),
    ("a bomb", |root| replace(root, &claiming(30_000, 30_000)), IMAGE, "exceeds the limit of 4096"),
    ("absurd width", |root| replace(root, &claiming(u32::MAX >> 1, 1)), IMAGE, DECODED),
    ("more rows than there are", |root| replace(root, &claiming(3, 9)), IMAGE, "9x3x3"),
    ("gif", |root| replace(root, b"GIF89a\x01\0\x01\0\0\0\0;"), IMAGE, DECODED),
    ("wider", |root| replace(root, &black(4, 4)), IMAGE, "4x4x3 (height x width x channels)"),
    ("higher", |root| replace(root, &black(3, 5)), IMAGE, "5x3x3"),
    ("turned", |root| replace(root, &black(4, 3)), IMAGE, "this set's images are 4x3x3"),
    ("grey of another size", |root| replace(root, &png(&grey(4, 4))), IMAGE, "4x4x1"),
    (
        "alpha",
        |root| replace(root, &png(&DynamicImage::new_rgba8(3, 4))),
        IMAGE,
        "pixels are Rgba8",
    ),
    ("16 bits", |root| replace(root, &png(&DynamicImage::new_rgb16(3, 4))), IMAGE, "are Rgb16"),
    ("a jpeg without end", |root| replace(root, &grey_jpeg()[..300]), IMAGE, CUT),
    ("a jpeg less 2", |root| replace(root, &grey_jpeg()[..grey_jpeg().len() - 2]), IMAGE, CUT),
    ("start of a jpeg", |root| replace(root, &grey_jpeg()[..2]), IMAGE, CUT),
    ("empty jpeg", |root| replace(root, &[0xff, 0xd8, 0xff, 0xd9]), IMAGE, DECODED),
    (
        "a folder",
        |root| {
            fs::remove_file(root.join(IMAGE)).unwrap();
            fs::create_dir(root.join(IMAGE)).unwrap();
        },
        IMAGE,
        "is no .png",
    ),
];

#[cfg(unix)]
fn link(root: &Path, target: &str, name: &str) {
    std::os::unix::fs::symlink(target, root.join(name)).unwrap();
}

const DAMAGED_FOLDERS: [Damage; 8] = [
    ("no train", |root| fs::remove_dir_all(root.join("train")).unwrap(), "train", "no such folder"),
    (
        "a file for train",
        |root| {
            fs::remove_dir_all(root.join("train")).unwrap();
            fs::write(root.join("train"), b"x").unwrap();
        },
        "train",
        "no such folder",
    ),
    (
        "no class",
        |root| {
            fs::remove_dir_all(root.join("train")).unwrap();
            fs::create_dir(root.join("train")).unwrap();
        },
        "train",
        "has no class",
    ),
    (
        "no image left",
        |root| fs::remove_file(root.join(IMAGE)).unwrap(),
        "train/bee",
        "has no image",
    ),
    (
        "a new class",
        |root| fs::create_dir(root.join("train/wasp")).unwrap(),
        "train/wasp",
        "has no image",
    ),
    (
        "an image beside the classes",
        |root| {
            write(root, "train/1.png", &whole_png());
        },
        "train/1.png",
        "is no folder",
    ),
    (
        "a text among images",
        |root| {
            write(root, "train/ant/notes.txt", b"x");
        },
        "train/ant/notes.txt",
        "is no .png",
    ),
    (
        "a folder in a class",
        |root| {
            write(root, "train/ant/more/1.png", &whole_png());
        },
        "train/ant/more",
        "is no .png",
    ),
];

#[cfg(unix)]
const BAD_LINKS: [Damage; 3] = [
    (
        "a class that is itself",
        |root| link(root, "loop", "train/loop"),
        "train/loop",
        "is no folder",
    ),
    (
        "a class that is its parent",
        |root| link(root, "..", "train/up"),
        "train/up/train",
        "is no .png",
    ),
    (
        "an image that is itself",
        |root| link(root, "c.png", "train/ant/c.png"),
        "train/ant/c.png",
        "is no .png",
    ),
];

#[test]
fn what_is_damaged_is_refused_by_name() {
    let mut damages = [DAMAGED_IMAGES.as_slice(), &DAMAGED_FOLDERS].concat();
    #[cfg(unix)]
    damages.extend(BAD_LINKS);
    for damage in damages {
        refuses("folder", folder().path(), damage);
    }
}

#[test]
fn no_changed_byte_makes_it_panic() {
    let (folder, whole) = (folder(), grey_jpeg());
    for bytes in [whole_png(), whole] {
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0xff;
            replace(folder.path(), &bytes);
            // Some changes give another image; none may do more than that.
            if let Ok(data) = load("folder", Some(folder.path())) {
                assert_eq!(data.len(), 3);
            }
        }
    }
}

#[test]
fn a_set_of_ones_own_needs_a_root_and_cannot_be_fetched() {
    assert!(matches!(load("folder", None), Err(DataError::NoRoot { .. })));
    let root = ["--root", "/nonexistent"];
    for (command, expected) in
        [("fetch", "there is nothing to fetch"), ("verify", "no such folder")]
    {
        let ended = end(losswalk().args(["data", command, "folder"]).args(root));
        ended.must_say(2, &[expected]);
    }
    end(losswalk().args(["data", "verify", "folder"])).must_say(2, &["--root"]);
}

#[test]
fn a_network_trains_on_a_folder_of_images() {
    let (lab, folder) = (Lab::new(), folder());
    write(folder.path(), "train/bee/2.png", &png(&colour(150)));
    let root = format!("data.root={}", folder.path().display());
    let settings = ["data.name=folder", &root, "train.batch_size=2", "evaluation.batch_size=2"];
    let run = lab.done("run", &settings);
    assert_eq!(lines(&run).len(), 2);
    assert_eq!((manifest(&run).samples, manifest(&run).data_files[0].name.as_str()), (4, "train"));

    let verify = end(losswalk().args(["data", "verify", "folder", "--root"]).arg(folder.path()));
    verify.must_say(0, &[]);
    assert!(verify.stdout.contains("4 images of 4x3x3 in 2 classes"), "{}", verify.stdout);
    lab.run("no-root", &settings[..1]).must_say(2, &["data.root: is missing"]);
}
