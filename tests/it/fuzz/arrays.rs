//! NumPy arrays, alone and in archives.

use std::fs;

use super::Target;
use super::published::{fuzz_file, loads};
use crate::numpy_arrays::{BYTES, SET, images, labels, npy, npy_of, pixels, stored};
use crate::program::TestResult;
use zip::CompressionMethod;

const WORDS: [&str; 8] =
    ["'descr'", "'fortran_order'", "'shape'", "True", "<f4", "|O", ">i8", "()"];

fn image_seeds() -> Vec<Vec<u8>> {
    let colour = npy_of(3, BYTES, "False", "(1, 2, 4, 3)", &pixels());
    vec![images(), npy_of(2, BYTES, "False", "(3, 2, 4, 1)", &pixels()), colour]
}

#[test]
fn npy_files() -> TestResult {
    let folder = tempfile::tempdir()?;
    let root = folder.path();
    // One label suffices for the seed of one image, so every seed comes with its own labels.
    let target = Target { words: &WORDS, ..Target::new("npy-images", image_seeds()) };
    target.fuzz(|input| {
        let of_one = npy("|u1", "(1,)", &[0]);
        let is_written = fs::write(root.join("images.npy"), input).is_ok();
        is_written
            && [labels(), of_one].iter().any(|labels| {
                fs::write(root.join("labels.npy"), labels).is_ok() && loads(SET, root)
            })
    })?;
    fs::write(root.join("images.npy"), images())?;
    let seeds = vec![labels(), npy("|u1", "(3,)", &[1, 0, 2])];
    let target = Target { words: &WORDS, ..Target::new("npy-labels", seeds) };
    fuzz_file(target, SET, root, "labels.npy")
}

#[test]
fn npz_archives() -> TestResult {
    let folder = tempfile::tempdir()?;
    let root = folder.path();
    let members = [("images.npy", images()), ("labels.npy", labels())];
    let deflated = crate::numpy_arrays::npz(CompressionMethod::Deflated, &members);
    let seeds = vec![stored(&members), deflated];
    fuzz_file(Target::new("npz", seeds), SET, root, "data.npz")?;
    // A damaged array in a whole archive, behind its checksums.
    let target = Target { words: &WORDS, ..Target::new("npz-images", image_seeds()[..2].to_vec()) };
    target.fuzz(|input| {
        let archive = stored(&[("images.npy", input.to_vec()), ("labels.npy", labels())]);
        fs::write(root.join("data.npz"), archive).is_ok() && loads(SET, root)
    })
}
