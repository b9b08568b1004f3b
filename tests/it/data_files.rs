//! Folders of IDX files, whole and damaged: what `load` reads, what it refuses, what `verify` finds.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::{Compression, write::GzEncoder};
use losswalk::data::{
    DataError, DatasetEntry, Description, FileKind, FileStatus, ImageShape, PublishedFile,
    PublishedSet, Split, find, load, verify,
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// SHA-256 as the catalog writes it.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn idx(magic: u32, dimensions: &[u32], body: &[u8]) -> Vec<u8> {
    let words = [&[magic], dimensions].concat();
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    bytes.extend_from_slice(body);
    bytes
}

/// Three images of 2x2 pixels.
fn images() -> Vec<u8> {
    idx(0x803, &[3, 2, 2], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255])
}

/// Their labels.
fn labels() -> Vec<u8> {
    idx(0x801, &[3], &[9, 0, 4])
}

fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn message(root: &Path) -> String {
    load("mnist", Some(root)).unwrap_err().to_string()
}

#[test]
fn loads_files_under_each_of_their_names_compressed_or_not() {
    let pairs = [
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
    ];
    for (images_name, labels_name) in pairs {
        let plain = folder(&[(images_name, images()), (labels_name, labels())]);
        let compressed = folder(&[
            (&format!("{images_name}.gz"), gzip(&images())),
            (&format!("{labels_name}.gz"), gzip(&labels())),
        ]);
        for root in [plain.path(), compressed.path()] {
            let data = load("mnist", Some(root)).unwrap();
            assert_eq!(data.shape(), ImageShape { height: 2, width: 2, channels: 1 });
            assert_eq!(data.labels(), [9, 0, 4]);
            assert_eq!(data.images(), &images()[16..]);
            let names: Vec<&str> = data.files().iter().map(|file| file.name.as_str()).collect();
            assert!(names[0].starts_with(images_name) && names[1].starts_with(labels_name));
        }
    }
}

#[test]
fn records_the_checksum_of_the_bytes_on_disk() {
    let bytes = gzip(&images());
    let root = folder(&[
        ("train-images-idx3-ubyte.gz", bytes.clone()),
        ("train-labels-idx1-ubyte", labels()),
    ]);
    let data = load("mnist", Some(root.path())).unwrap();
    assert_eq!(data.files()[0].sha256, sha256(&bytes));
    assert_eq!(data.files()[1].sha256, sha256(&labels()));
}

#[test]
fn a_missing_folder_or_file_names_the_command_that_gets_it() {
    let root = folder(&[("train-images-idx3-ubyte", images())]);
    let command = format!("`losswalk data fetch mnist --root {}`", root.path().display());
    let text = message(root.path());
    assert!(text.contains("train-labels-idx1-ubyte.gz, train-labels-idx1-ubyte, "), "{text}");
    assert!(text.contains(&command), "{text}");

    let nowhere = root.path().join("nowhere");
    let text = message(&nowhere);
    assert!(text.contains("no such folder") && text.contains("data fetch mnist"), "{text}");
}

#[test]
fn a_damaged_file_is_refused_with_its_name_its_fault_and_a_remedy() {
    let cases = [
        (images()[..20].to_vec(), labels(), "images", "truncated: 28 bytes expected, 20 found"),
        (labels(), labels(), "images", "it is a label file"),
        (images(), images(), "labels", "it is an image file"),
        (images(), vec![], "labels", "the file is empty"),
        (gzip(&images())[..30].to_vec(), labels(), "images", "gzip"),
        (images(), idx(0x801, &[2], &[1, 2]), "labels", "2 labels, but 12 bytes of images"),
        (images(), idx(0x801, &[3], &[1, 10, 2]), "labels", "sample 1 has the label 10"),
    ];
    for (images, labels, file, fault) in cases {
        let root =
            folder(&[("train-images-idx3-ubyte", images), ("train-labels-idx1-ubyte", labels)]);
        let text = message(root.path());
        let remedy = format!(
            "delete it, then get the files with `losswalk data fetch mnist --root {}`",
            root.path().display()
        );
        assert!(text.contains(fault), "{text}");
        assert!(text.contains(&format!("train-{file}-idx")), "{text}");
        assert!(text.ends_with(&remedy), "{text}");
    }
}

#[test]
fn an_unknown_name_is_an_error_and_the_built_in_set_needs_no_folder() {
    assert!(matches!(load("mnits", None), Err(DataError::UnknownSet { .. })));
    assert_eq!(load("digits", None).unwrap().len(), 1797);
}

/// The set called `name`, which its makers published.
pub fn published_set(name: &str) -> &'static PublishedSet {
    match find(name).unwrap() {
        DatasetEntry::Published(set) => set,
        other => panic!("{name} is not published: {other:?}"),
    }
}

/// A set of one training pair and one test pair, both [`images`] and [`labels`].
fn published() -> PublishedSet {
    let file = |name, split, kind, content: Vec<u8>| PublishedFile {
        name,
        split,
        kind,
        bytes: gzip(&content).len() as u64,
        sha256: sha256(&gzip(&content)).leak(),
        content_sha256: sha256(&content).leak(),
    };
    let files = vec![
        file("train-images-idx3-ubyte.gz", Split::Train, FileKind::Images, images()),
        file("train-labels-idx1-ubyte.gz", Split::Train, FileKind::Labels, labels()),
        file("t10k-images-idx3-ubyte.gz", Split::Test, FileKind::Images, images()),
        file("t10k-labels-idx1-ubyte.gz", Split::Test, FileKind::Labels, labels()),
    ];
    let mnist = published_set("mnist");
    let shape = ImageShape { height: 2, width: 2, channels: 1 };
    let about = Description { shape, train: 3, test: 3, ..mnist.about.clone() };
    PublishedSet { about, files: files.leak(), ..mnist.clone() }
}

#[test]
fn verify_accepts_the_published_content_however_it_is_compressed() {
    let root = folder(&[
        ("train-images-idx3-ubyte.gz", gzip(&images())),
        ("train-labels.idx1-ubyte", labels()),
        ("t10k-images-idx3-ubyte", images()),
    ]);
    let findings = verify(&published(), root.path()).unwrap();
    let statuses: Vec<FileStatus> = findings.iter().map(|finding| finding.status).collect();
    assert_eq!(
        statuses,
        [FileStatus::Right, FileStatus::Right, FileStatus::Right, FileStatus::Absent]
    );
    assert_eq!(findings[1].file, "train-labels.idx1-ubyte");
}

#[test]
fn verify_says_how_a_file_differs() {
    let other_pixel = idx(0x803, &[3, 2, 2], &[7; 12]);
    let cases = [
        ("train-images-idx3-ubyte", images()[..20].to_vec(), "truncated"),
        ("train-images-idx3-ubyte", idx(0x803, &[2, 2, 2], &[0; 8]), "2 samples, published 3"),
        ("train-images-idx3-ubyte", idx(0x803, &[3, 1, 4], &[0; 12]), "images of 1x4x1, published"),
        ("train-images-idx3-ubyte", other_pixel, "not the published content"),
        ("train-labels-idx1-ubyte", idx(0x801, &[3], &[1, 10, 2]), "sample 1 has the label 10"),
        ("train-labels-idx1-ubyte", images(), "it is an image file"),
        ("t10k-images-idx3-ubyte", vec![], "the file is empty"),
    ];
    for (name, bytes, expected) in cases {
        let root = folder(&[(name, bytes)]);
        let findings = verify(&published(), root.path()).unwrap();
        let finding = findings.iter().find(|finding| finding.file == name).unwrap();
        assert_eq!(finding.status, FileStatus::Wrong);
        assert!(finding.detail.contains(expected), "{}", finding.detail);
    }
}

#[test]
fn verify_misses_training_files_only() {
    let root = folder(&[]);
    let findings = verify(&published(), root.path()).unwrap();
    let statuses: Vec<FileStatus> = findings.iter().map(|finding| finding.status).collect();
    assert_eq!(
        statuses,
        [FileStatus::Wrong, FileStatus::Wrong, FileStatus::Absent, FileStatus::Absent]
    );
}
