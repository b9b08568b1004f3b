//! Tiny ImageNet in its published layout made small: whole, damaged, fetched.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use image::{Rgb, RgbImage};
use losswalk::data::{
    Archive, DataError, Dataset, Description, Download, FetchOptions, FileStatus, ImageShape,
    PublishedSet, fetch, load, verify,
};
use tempfile::TempDir;

use crate::data_files::{published_set, sha256};
use crate::data_formats::zip_of;
use crate::image_folder::{Damage, grey, jpeg, png, refuses, write};
use crate::lab::{Lab, end, lines};
use crate::program::losswalk;

pub const SET: &str = "tiny-imagenet";
pub const CACHE: &str = "losswalk-pixels.cache";

/// The classes, in an order that is not that of their names.
fn wnid(class: usize) -> String {
    format!("n{:08}", 90_000_000 - 37 * class)
}

fn flat(level: usize) -> Vec<u8> {
    let level = level as u8;
    jpeg(&RgbImage::from_pixel(64, 64, Rgb([level, 255 - level, level / 2])).into())
}

/// Encoded once: most tests make the set anew.
static FILES: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(files);

/// Every file: an image of each class, grey in class 3, and a second one of class 5.
pub fn files() -> Vec<(String, Vec<u8>)> {
    let image = |class, index| format!("train/{0}/images/{0}_{index}.JPEG", wnid(class));
    let content = |class| if class == 3 { jpeg(&grey(64, 64)) } else { flat(class) };
    let boxes = |class| (format!("train/{0}/{0}_boxes.txt", wnid(class)), b"x 0 0 9 9\n".to_vec());
    let mut files: Vec<_> = (0..200).map(|class| (image(class, 0), content(class))).collect();
    files.extend((0..9).map(boxes)); // As many as show that they are passed over.
    files.push((image(5, 1), flat(250)));
    files.push(("wnids.txt".to_owned(), wnids(0..200).into_bytes()));
    files
}

pub fn wnids(classes: impl Iterator<Item = usize>) -> String {
    classes.map(|class| wnid(class) + "\n").collect()
}

/// The set in a new folder.
pub fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in FILES.iter() {
        write(folder.path(), name, content);
    }
    folder
}

pub fn image(root: &Path, class: usize) -> PathBuf {
    root.join(format!("train/{0}/images/{0}_0.JPEG", wnid(class)))
}

pub fn read(root: &Path) -> Dataset {
    load(SET, Some(root)).unwrap()
}

#[track_caller]
pub fn must_be_whole(data: &Dataset) {
    assert_eq!(data.shape(), ImageShape { height: 64, width: 64, channels: 3 });
    assert_eq!((data.len(), data.classes()), (201, 200));
    let labels: Vec<u16> = (0..200).chain([5]).collect();
    assert_eq!(data.labels(), labels);
    for (image, label) in data.images().chunks(64 * 64 * 3).zip([0u8, 1, 2, 3, 4, 5]) {
        let expected = if label == 3 { [77; 3] } else { [label, 255 - label, label / 2] };
        // A flat colour survives the compression up to its rounding.
        let is_near = |pixel: &[u8]| pixel.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 3);
        assert!(image.chunks(3).all(is_near), "{label}: {:?}", &image[..3]);
    }
}

#[test]
fn the_published_layout_is_read_from_the_root_and_from_the_folder_of_its_archive() {
    let folder = folder();
    must_be_whole(&read(folder.path()));
    let parent = tempfile::tempdir().unwrap();
    let inside = parent.path().join("tiny-imagenet-200");
    fs::rename(folder.path(), &inside).unwrap();
    let data = read(parent.path());
    must_be_whole(&data);
    assert!(inside.join(CACHE).is_file());
    let first: Vec<f64> = data.pixels(&[3]);
    assert_eq!(first[1], (77.0 / 255.0 - 0.4481) / 0.2265);
}

/// Puts other bytes in the place of the image of class 7.
pub fn replace(root: &Path, bytes: &[u8]) {
    fs::write(image(root, 7), bytes).unwrap();
}

pub fn list(root: &Path, text: &str) {
    fs::write(root.join("wnids.txt"), text).unwrap();
}

pub const IMAGE: &str = "train/n89999741/images/n89999741_0.JPEG";
const CLASS: &str = "train/n89999741";
const LIST: &str = "wnids.txt";
const DECODED: &str = "cannot be decoded as PNG or JPEG";
const CUT: &str = "the JPEG file is truncated";

const DAMAGES: [Damage; 28] = [
    ("empty image", |root| replace(root, b""), IMAGE, DECODED),
    ("web page", |root| replace(root, b"<!DOCTYPE html>"), IMAGE, DECODED),
    ("signature only", |root| replace(root, &[0xff, 0xd8, 0xff]), IMAGE, CUT),
    ("half an image", |root| replace(root, &flat(7)[..400]), IMAGE, CUT),
    ("end cut off", |root| replace(root, &flat(7)[..flat(7).len() - 2]), IMAGE, CUT),
    ("zeros", |root| replace(root, &[0; 1000]), IMAGE, DECODED),
    ("too small", |root| replace(root, &jpeg(&grey(32, 32))), IMAGE, "its size is 32x32x1"),
    ("too wide", |root| replace(root, &jpeg(&grey(65, 64))), IMAGE, "images are 64x64x3"),
    (
        "colours of another size",
        |root| {
            replace(root, &png(&image::DynamicImage::new_rgb8(64, 63)));
        },
        IMAGE,
        "63x64x3",
    ),
    ("alpha", |root| replace(root, &png(&image::DynamicImage::new_rgba8(64, 64))), IMAGE, "Rgba8"),
    (
        "image missing",
        |root| fs::remove_file(image(root, 7)).unwrap(),
        "train/n89999741/images",
        "has no image",
    ),
    (
        "images missing",
        |root| {
            fs::remove_dir_all(root.join(CLASS).join("images")).unwrap();
        },
        "train/n89999741/images",
        "found none of",
    ),
    (
        "class missing",
        |root| fs::remove_dir_all(root.join(CLASS)).unwrap(),
        "train/n89999741/images",
        "found none of",
    ),
    (
        "train missing",
        |root| fs::rename(root.join("train"), root.join("away")).unwrap(),
        "train/n90000000/images",
        "found none of",
    ),
    (
        "a class too many",
        |root| {
            write(root, "train/n1/images/1.JPEG", &flat(1));
        },
        "train/n1",
        "is no class of wnids.txt",
    ),
    (
        "a file among the classes",
        |root| {
            write(root, "train/readme.txt", b"x");
        },
        "train/readme.txt",
        "is no folder",
    ),
    (
        "a text among the images",
        |root| {
            write(root, "train/n89999741/images/a.txt", b"x");
        },
        "train/n89999741/images/a.txt",
        "is no .png",
    ),
    (
        "list missing",
        |root| fs::remove_file(root.join(LIST)).unwrap(),
        "",
        "tiny-imagenet-200/wnids.txt, wnids.txt",
    ),
    ("empty list", |root| list(root, ""), LIST, "0 classes, but the set has 200"),
    ("short list", |root| list(root, &wnids(0..199)), LIST, "199 classes"),
    ("long list", |root| list(root, &(wnids(0..200) + "n1\n")), LIST, "201 classes"),
    (
        "a class twice",
        |root| list(root, &wnids((0..199).chain([4]))),
        LIST,
        "line 200 names a class again",
    ),
    (
        "another class",
        |root| list(root, &(wnids(0..199) + "n1\n")),
        "train/n1/images",
        "found none of",
    ),
    ("a way out", |root| list(root, "../../etc\n"), LIST, "line 1 is no class"),
    (
        "a blank line",
        |root| list(root, &format!("{}\n{}", wnids(0..9), wnids(9..200))),
        LIST,
        "line 10 is no class",
    ),
    ("the words", |root| list(root, "n00001740\tentity\n"), LIST, "line 1 is no class"),
    ("no text", |root| fs::write(root.join(LIST), [0xff, 0xfe, 0]).unwrap(), LIST, "UTF-8"),
    (
        "a folder for the list",
        |root| {
            fs::remove_file(root.join(LIST)).unwrap();
            fs::create_dir(root.join(LIST)).unwrap();
        },
        "",
        "found none of",
    ),
];

#[cfg(unix)]
const LOOP: Damage = (
    "an image that is itself",
    |root| {
        fs::remove_file(image(root, 7)).unwrap();
        std::os::unix::fs::symlink(image(root, 7), image(root, 7)).unwrap();
    },
    IMAGE,
    "is no .png",
);

/// Undoes every one of the damages: cheaper than to make the whole set again.
pub fn repair(root: &Path) {
    if root.join("away").exists() {
        fs::rename(root.join("away"), root.join("train")).unwrap();
    }
    for name in [CLASS, "train/n1", "train/readme.txt", LIST] {
        let path = root.join(name);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => fs::remove_dir_all(path).unwrap(),
            Ok(_) => fs::remove_file(path).unwrap(),
            Err(_) => {}
        }
    }
    for (name, content) in FILES.iter().filter(|(name, _)| name == LIST || name.contains(CLASS)) {
        write(root, name, content);
    }
}

#[test]
fn what_is_damaged_is_refused_by_name() {
    let mut damages = DAMAGES.to_vec();
    #[cfg(unix)]
    damages.push(LOOP);
    let folder = folder();
    for damage in damages {
        refuses(SET, folder.path(), damage);
        repair(folder.path());
        let cached = folder.path().join(CACHE);
        assert!(!cached.exists(), "{} was cached", damage.0);
    }
    must_be_whole(&read(folder.path()));
}

#[test]
fn a_damaged_image_can_be_fetched_again_into_the_root() {
    let parent = tempfile::tempdir().unwrap();
    let inside = parent.path().join("tiny-imagenet-200");
    fs::rename(folder().keep(), &inside).unwrap();
    replace(&inside, b"");
    let remedy = |root: &Path| {
        let text = load(SET, Some(root)).unwrap_err().to_string();
        text.ends_with(&format!(
            "delete it, then get the files with `losswalk data fetch tiny-imagenet --root {}`",
            parent.path().display()
        ))
    };
    assert!(remedy(parent.path()) && remedy(&inside));
}

/// The archive as published, with what losswalk has no use for.
fn archive() -> Vec<u8> {
    let unused = [("val/images/val_0.JPEG", flat(9)), ("test/images/test_0.JPEG", flat(8))];
    let used = FILES.iter().map(|(name, content)| (name.as_str(), content));
    let files = used.chain(unused.iter().map(|(name, content)| (*name, content)));
    let entries: Vec<(String, &Vec<u8>)> =
        files.map(|(name, content)| (format!("tiny-imagenet-200/{name}"), content)).collect();
    let entries: Vec<(&str, &[u8])> =
        entries.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
    zip_of(&entries)
}

/// The set of [`files`], published in `archive`.
fn published(archive: &[u8]) -> PublishedSet {
    let whole = published_set(SET);
    let (bytes, sha256) = (archive.len() as u64, sha256(archive).leak());
    let download = Download { bytes, sha256, ..whole.archive.unwrap().download };
    let archive = Some(Archive { download, ..whole.archive.unwrap() });
    let about = Description { train: 201, ..whole.about.clone() };
    PublishedSet { about, archive, mirrors: &[], ..whole.clone() }
}

fn fetch_quietly(entry: &PublishedSet, root: &Path) -> Result<(), DataError> {
    fetch(entry, root, &FetchOptions::default(), &mut |_| {})
}

#[test]
fn the_archive_is_unpacked_and_what_is_missing_later_is_unpacked_again() {
    let (folder, archive) = (tempfile::tempdir().unwrap(), archive());
    let (entry, root) = (published(&archive), folder.path());
    let zip = write(root, "tiny-imagenet-200.zip", &archive);
    fetch_quietly(&entry, root).unwrap();
    must_be_whole(&read(root));
    let inside = root.join("tiny-imagenet-200");
    assert!(!inside.join("val").exists() && !inside.join("test").exists());
    assert_eq!(verify(&entry, root).unwrap()[0].status, FileStatus::Right);

    fs::remove_file(image(&inside, 7)).unwrap();
    fs::remove_dir_all(inside.join("train").join(wnid(9))).unwrap();
    assert_eq!(verify(&entry, root).unwrap()[0].status, FileStatus::Wrong);
    fetch_quietly(&entry, root).unwrap();
    must_be_whole(&read(root));
    // What is complete needs no archive.
    fs::remove_file(zip).unwrap();
    fetch_quietly(&entry, root).unwrap();
}

#[test]
fn the_archive_is_held_to_its_checksum_and_limits() {
    let archive = archive();
    let whole = published(&archive);
    let limits = whole.archive.unwrap();
    let cases = [
        (Archive { max_entries: 100, ..limits }, "more than 100 entries"),
        (Archive { max_bytes: 10_000, ..limits }, "expands to more than the data set"),
        (
            Archive { download: published_set(SET).archive.unwrap().download, ..limits },
            "in the way",
        ),
    ];
    for (archive_entry, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "tiny-imagenet-200.zip", &archive);
        let entry = PublishedSet { archive: Some(archive_entry), ..whole.clone() };
        let text = fetch_quietly(&entry, folder.path()).unwrap_err().to_string();
        assert!(text.contains(expected) && text.contains("tiny-imagenet-200.zip"), "{text}");
        assert!(!folder.path().join("tiny-imagenet-200").exists());
    }
}

#[test]
fn a_network_trains_on_it_and_other_numbers_than_published_are_a_warning() {
    let (lab, folder) = (Lab::new(), folder());
    let root = format!("data.root={}", folder.path().display());
    let settings = ["data.name=tiny-imagenet", &root, "model.hidden=[2]", "data.train_samples=150"];
    let ended = lab.run("run", &settings);
    ended.must_say(0, &["warning: train in", "201 samples, published 100000"]);
    assert_eq!(lines(&lab.path("run")).len(), 2);

    let verify = end(losswalk().args(["data", "verify", SET, "--root"]).arg(folder.path()));
    verify.must_say(2, &[]);
    assert!(verify.stdout.contains("WRONG  201 samples"), "{}", verify.stdout);
}
