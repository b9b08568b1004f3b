//! Arrays as NumPy saves them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Cursor, Write};

use losswalk::data::{ImageShape, load};
use tempfile::TempDir;
use zip::CompressionMethod;

use crate::data_files::sha256;
use crate::image_folder::write;
use crate::lab::{Lab, end, lines, manifest};
use crate::program::losswalk;

pub const SET: &str = "npy";
pub const ARCHIVE: &str = "data.npz";
pub const BYTES: &str = "|u1";

/// A file as `numpy.save` writes it; `shape` as Python writes a tuple.
pub fn npy_of(version: u8, element: &str, order: &str, shape: &str, body: &[u8]) -> Vec<u8> {
    let mut header =
        format!("{{'descr': '{element}', 'fortran_order': {order}, 'shape': {shape}, }}");
    let length_bytes = if version == 1 { 2 } else { 4 };
    while !(8 + length_bytes + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let length = (header.len() as u32).to_le_bytes();
    let magic = [b"\x93NUMPY", [version, 0].as_slice()].concat();
    [&magic, &length[..length_bytes], header.as_bytes(), body].concat()
}

pub fn npy(element: &str, shape: &str, body: &[u8]) -> Vec<u8> {
    npy_of(1, element, "False", shape, body)
}

/// Three images of 2 rows of 4 pixels.
pub fn images() -> Vec<u8> {
    npy(BYTES, "(3, 2, 4)", &pixels())
}

pub fn pixels() -> Vec<u8> {
    (0..24).map(|i| 10 * i).collect()
}

pub fn labels() -> Vec<u8> {
    let body: Vec<u8> = [2i64, 0, 1].iter().flat_map(|label| label.to_le_bytes()).collect();
    npy("<i8", "(3,)", &body)
}

pub fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        write(folder.path(), name, bytes);
    }
    folder
}

pub fn pair() -> TempDir {
    folder(&[("images.npy", images()), ("labels.npy", labels())])
}

/// An archive as `numpy.savez` writes it, or with deflation as `numpy.savez_compressed`.
pub fn npz(method: CompressionMethod, files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (name, bytes) in files {
        // NumPy always leaves room for large files.
        writer.start_file(*name, options.compression_method(method).large_file(true)).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub fn stored(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    npz(CompressionMethod::Stored, files)
}

pub fn archive() -> TempDir {
    folder(&[("data.npz", stored(&[("images.npy", images()), ("labels.npy", labels())]))])
}

#[test]
fn images_of_every_version_and_number_of_channels_are_read() {
    let shapes = [
        ("(3, 2, 4)", [2, 4, 1]),
        ("(3, 2, 4, 1)", [2, 4, 1]),
        ("(3, 2, 4, 3)", [2, 4, 3]),
        ("(3, 4, 2, 3,)", [4, 2, 3]),
    ];
    for version in 1..=3 {
        for (text, [height, width, channels]) in shapes {
            let shape = ImageShape { height, width, channels };
            let body: Vec<u8> = (0..3 * shape.bytes()).map(|i| 3 * i as u8).collect();
            let images = npy_of(version, BYTES, "False", text, &body);
            let folder = folder(&[("images.npy", images.clone()), ("labels.npy", labels())]);
            let data = load(SET, Some(folder.path())).unwrap();
            assert_eq!((data.shape(), data.images()), (shape, body.as_slice()));
            assert_eq!((data.labels(), data.classes()), ([2, 0, 1].as_slice(), 3));
            assert_eq!(data.pixels::<f64>(&[0])[channels], 3.0 * channels as f64 / 255.0 - 0.5);
            let files: Vec<&str> = data.files().iter().map(|file| &*file.sha256).collect();
            assert_eq!(files, [sha256(&images), sha256(&labels())]);
        }
    }
}

#[test]
fn labels_are_integers_of_any_size() {
    for (element, size) in
        [("|u1", 1), ("|i1", 1), ("<u2", 2), ("<i2", 2), ("<u4", 4), ("<i4", 4), ("<u8", 8)]
    {
        let body: Vec<u8> =
            [7u64, 0, 100].iter().flat_map(|label| label.to_le_bytes()[..size].to_vec()).collect();
        let folder =
            folder(&[("images.npy", images()), ("labels.npy", npy(element, "(3,)", &body))]);
        let data = load(SET, Some(folder.path())).unwrap();
        assert_eq!((data.labels(), data.classes()), ([7, 0, 100].as_slice(), 101), "{element}");
    }
}

#[test]
fn an_archive_is_read_stored_or_deflated() {
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let files =
            [("labels.npy", labels()), ("other.npy", b"x".to_vec()), ("images.npy", images())];
        let folder = folder(&[("data.npz", npz(method, &files))]);
        let data = load(SET, Some(folder.path())).unwrap();
        assert_eq!((data.images(), data.labels()), (pixels().as_slice(), [2, 0, 1].as_slice()));
        assert_eq!(data.files()[0].name, "data.npz");
    }
}

#[test]
fn a_network_trains_on_arrays() {
    let (lab, folder) = (Lab::new(), archive());
    let root = format!("data.root={}", folder.path().display());
    let settings = ["data.name=npy", &root, "train.batch_size=3", "evaluation.batch_size=3"];
    let run = lab.done("run", &settings);
    assert_eq!(lines(&run).len(), 1);
    assert_eq!(manifest(&run).data_files[0].name, ARCHIVE);

    let verify = end(losswalk().args(["data", "verify", "npy", "--root"]).arg(folder.path()));
    verify.must_say(0, &[]);
    assert!(verify.stdout.contains("npy: 3 images of 2x4x1 in 3 classes"), "{}", verify.stdout);
    end(losswalk().args(["data", "fetch", "npy"])).must_say(2, &["nothing to fetch"]);
    lab.run("no-root", &settings[..1]).must_say(2, &["data.root: is missing"]);
}
