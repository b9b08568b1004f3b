//! Damaged NumPy arrays and archives, each refused by name.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use losswalk::data::load;

use crate::image_folder::{Damage, refuses};
use crate::numpy_arrays::{
    ARCHIVE, BYTES, SET, archive, images, labels, npy, npy_of, pair, pixels, stored,
};

fn put(root: &Path, name: &str, bytes: &[u8]) {
    fs::write(root.join(name), bytes).unwrap();
}

/// The images' file with other bytes from `at` on.
fn altered(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = images();
    file[at..at + bytes.len()].copy_from_slice(bytes);
    file
}

/// Labels of 64 bits.
fn label(label: i64) -> Vec<u8> {
    npy("<i8", "(3,)", &[0i64, 0, label].map(i64::to_le_bytes).concat())
}

const IMAGES: &str = "images.npy";
const LABELS: &str = "labels.npy";
const SHAPE: &str = "but images are [n, height, width]";
const MAGIC: &str = "is no .npy file; write it with numpy.save";

const BAD_IMAGES: [Damage; 31] = [
    ("missing", |root| fs::remove_file(root.join(IMAGES)).unwrap(), IMAGES, "cannot read"),
    ("empty", |root| put(root, IMAGES, b""), IMAGES, MAGIC),
    ("text", |root| put(root, IMAGES, b"1 2 3\n4 5 6\n"), IMAGES, MAGIC),
    ("magic changed", |root| put(root, IMAGES, &altered(0, b"N")), IMAGES, MAGIC),
    ("a zip archive", |root| put(root, IMAGES, &stored(&[])), IMAGES, MAGIC),
    ("magic only", |root| put(root, IMAGES, &images()[..6]), IMAGES, "truncated in its header"),
    ("no length", |root| put(root, IMAGES, &images()[..8]), IMAGES, "truncated in its header"),
    ("half a header", |root| put(root, IMAGES, &images()[..40]), IMAGES, "truncated in its header"),
    ("version 0", |root| put(root, IMAGES, &altered(6, &[0])), IMAGES, "version 0"),
    ("version 4", |root| put(root, IMAGES, &altered(6, &[4])), IMAGES, "version 4"),
    (
        "a header of 4 GB",
        |root| put(root, IMAGES, &altered(6, &[2, 0, 255, 255, 255, 255])),
        IMAGES,
        "truncated in",
    ),
    (
        "a header of 64 KB",
        |root| put(root, IMAGES, &altered(8, &[255, 255])),
        IMAGES,
        "truncated in",
    ),
    (
        "an empty header",
        |root| put(root, IMAGES, &altered(8, &[0, 0])),
        IMAGES,
        "no readable `fortran_order`",
    ),
    (
        "no text",
        |root| put(root, IMAGES, &altered(12, &[0xff, 0xfe])),
        IMAGES,
        "no readable `descr`",
    ),
    ("no type", |root| put(root, IMAGES, &altered(12, b"xxxxx")), IMAGES, "no readable `descr`"),
    (
        "a pickle",
        |root| put(root, IMAGES, &npy("|O", "(3,)", b"\x80\x04.")),
        IMAGES,
        "elements are `|O`, but images are bytes",
    ),
    (
        "floats",
        |root| put(root, IMAGES, &npy("<f4", "(3, 2, 4)", &[0; 96])),
        IMAGES,
        "save numpy.round(255 * images)",
    ),
    ("signed bytes", |root| put(root, IMAGES, &npy("|i1", "(3, 2, 4)", &[0; 24])), IMAGES, "`|i1`"),
    ("booleans", |root| put(root, IMAGES, &npy("|b1", "(3, 2, 4)", &[0; 24])), IMAGES, "`|b1`"),
    (
        "columns first",
        |root| put(root, IMAGES, &npy_of(1, BYTES, "True", "(3, 2, 4)", &[0; 24])),
        IMAGES,
        "Fortran order",
    ),
    (
        "no tuple",
        |root| put(root, IMAGES, &npy(BYTES, "24", &[0; 24])),
        IMAGES,
        "no readable `shape`",
    ),
    (
        "no number",
        |root| put(root, IMAGES, &npy(BYTES, "(3, x, 4)", &[0; 24])),
        IMAGES,
        "no readable `shape`",
    ),
    (
        "negative",
        |root| put(root, IMAGES, &npy(BYTES, "(-3, 2, 4)", &[0; 24])),
        IMAGES,
        "no readable `shape`",
    ),
    ("flat", |root| put(root, IMAGES, &npy(BYTES, "(24,)", &[0; 24])), IMAGES, SHAPE),
    ("a number", |root| put(root, IMAGES, &npy(BYTES, "()", &[0])), IMAGES, SHAPE),
    (
        "two channels",
        |root| put(root, IMAGES, &npy(BYTES, "(3, 2, 2, 2)", &[0; 24])),
        IMAGES,
        SHAPE,
    ),
    ("no rows", |root| put(root, IMAGES, &npy(BYTES, "(3, 0, 4)", &[])), IMAGES, SHAPE),
    (
        "a byte less",
        |root| put(root, IMAGES, &images()[..images().len() - 1]),
        IMAGES,
        "23 bytes of elements",
    ),
    (
        "a byte more",
        |root| put(root, IMAGES, &[images(), vec![0]].concat()),
        IMAGES,
        "25 bytes of elements",
    ),
    (
        "terabytes",
        |root| put(root, IMAGES, &npy(BYTES, "(3, 1000000, 1000000)", &[0; 24])),
        IMAGES,
        "3000000000000 bytes",
    ),
    (
        "beyond 64 bits",
        |root| put(root, IMAGES, &npy(BYTES, "(3, 9999999999, 9999999999)", &[0; 24])),
        IMAGES,
        "promises",
    ),
];

const BAD_LABELS: [Damage; 13] = [
    ("missing", |root| fs::remove_file(root.join(LABELS)).unwrap(), LABELS, "cannot read"),
    ("empty", |root| put(root, LABELS, b""), LABELS, MAGIC),
    (
        "cut",
        |root| put(root, LABELS, &labels()[..labels().len() - 8]),
        LABELS,
        "16 bytes of elements",
    ),
    (
        "too few",
        |root| put(root, LABELS, &npy(BYTES, "(2,)", &[0; 2])),
        LABELS,
        "one for each of the 3 images",
    ),
    ("too many", |root| put(root, LABELS, &npy(BYTES, "(4,)", &[0; 4])), LABELS, "shape is [4]"),
    (
        "one-hot",
        |root| put(root, LABELS, &npy(BYTES, "(3, 3)", &[0; 9])),
        LABELS,
        "shape is [3, 3]",
    ),
    (
        "floats",
        |root| put(root, LABELS, &npy("<f8", "(3,)", &[0; 24])),
        LABELS,
        "save labels.astype(numpy.int64)",
    ),
    ("big endian", |root| put(root, LABELS, &npy(">i8", "(3,)", &[0; 24])), LABELS, "`>i8`"),
    ("names", |root| put(root, LABELS, &npy("<U5", "(3,)", &[0; 60])), LABELS, "`<U5`"),
    ("three bytes", |root| put(root, LABELS, &npy("<i3", "(3,)", &[0; 9])), LABELS, "`<i3`"),
    ("negative", |root| put(root, LABELS, &label(-1)), LABELS, "element 2 is -1; labels count"),
    ("16 bits and more", |root| put(root, LABELS, &label(65_535)), LABELS, "element 2 is 65535"),
    ("absurd", |root| put(root, LABELS, &label(i64::MAX)), LABELS, "is 9223372036854775807"),
];

const BAD_FOLDERS: [Damage; 4] = [
    (
        "nothing",
        |root| {
            fs::remove_file(root.join(IMAGES)).unwrap();
            fs::remove_file(root.join(LABELS)).unwrap();
        },
        "",
        "has neither images.npy and labels.npy nor data.npz",
    ),
    ("two sets", |root| put(root, ARCHIVE, b""), "", "move one of them elsewhere"),
    ("no folder", |root| fs::remove_dir_all(root).unwrap(), "", "no such folder; set `data.root`"),
    (
        "a folder for a file",
        |root| {
            fs::remove_file(root.join(LABELS)).unwrap();
            fs::create_dir(root.join(LABELS)).unwrap();
        },
        LABELS,
        "cannot read",
    ),
];

fn put_arrays(root: &Path, images: Vec<u8>, labels: Vec<u8>) {
    put(root, ARCHIVE, &stored(&[(IMAGES, images), (LABELS, labels)]));
}

fn whole_archive() -> Vec<u8> {
    stored(&[(IMAGES, images()), (LABELS, labels())])
}

/// The archive with its first `from` replaced by as many other bytes.
fn replaced(from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = whole_archive();
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    bytes[at..at + to.len()].copy_from_slice(to);
    bytes
}

const BAD_ARCHIVES: [Damage; 10] = [
    ("empty", |root| put(root, ARCHIVE, b""), ARCHIVE, "cannot be unpacked"),
    ("text", |root| put(root, ARCHIVE, b"not an archive"), ARCHIVE, "write it with numpy.savez"),
    ("half", |root| put(root, ARCHIVE, &whole_archive()[..300]), ARCHIVE, "cannot be unpacked"),
    (
        "less 5",
        |root| {
            let bytes = whole_archive();
            put(root, ARCHIVE, &bytes[..bytes.len() - 5]);
        },
        ARCHIVE,
        "cannot be unpacked",
    ),
    (
        "no images",
        |root| put(root, ARCHIVE, &stored(&[(LABELS, labels())])),
        "data.npz/images.npy",
        "not found",
    ),
    (
        "no labels",
        |root| put(root, ARCHIVE, &stored(&[(IMAGES, images())])),
        "data.npz/labels.npy",
        "not found",
    ),
    (
        "other names",
        |root| put(root, ARCHIVE, &stored(&[("arr_0.npy", images())])),
        "data.npz/images.npy",
        "not found",
    ),
    (
        "a pixel changed",
        |root| put(root, ARCHIVE, &replaced(&pixels(), &[1; 24])),
        "data.npz/images.npy",
        "cannot be unpacked",
    ),
    (
        "cut array",
        |root| put_arrays(root, images()[..130].to_vec(), labels()),
        "data.npz/images.npy",
        "2 bytes of elements",
    ),
    (
        "absurd header",
        |root| {
            put_arrays(root, npy(BYTES, "(9999999999, 9999999999, 9)", &[0; 24]), labels());
        },
        "data.npz/images.npy",
        "promises the shape",
    ),
];

#[test]
fn what_is_damaged_is_refused_by_name() {
    for damage in [BAD_IMAGES.as_slice(), &BAD_LABELS, &BAD_FOLDERS].concat() {
        let folder = pair().keep();
        refuses(SET, &folder, damage);
        if folder.exists() {
            fs::remove_dir_all(folder).unwrap();
        }
    }
    for damage in BAD_ARCHIVES {
        refuses(SET, archive().path(), damage);
    }
}

#[test]
fn no_changed_byte_makes_it_panic() {
    let (folder, whole) = (archive(), whole_archive());
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        put(folder.path(), ARCHIVE, &bytes);
        // Checksums do not cover every byte of an archive; the arrays are covered.
        if let Ok(data) = load(SET, Some(folder.path())) {
            assert_eq!(data.images(), pixels(), "byte {at}");
        }
    }
}
