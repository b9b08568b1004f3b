//! IDX and CIFAR files, and the list of classes and the pixel cache of Tiny ImageNet.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::{Compression, write::GzEncoder};
use losswalk::data::load;

use super::Target;
use crate::program::TestResult;
use crate::tiny_imagenet::{self, CACHE, SET};

/// Loads a set and looks at its first and last image.
pub fn loads(name: &str, root: &Path) -> bool {
    let Ok(data) = load(name, Some(root)) else { return false };
    let last = data.len() as u32 - 1;
    assert_eq!(data.pixels::<f32>(&[0, last]).len(), 2 * data.shape().bytes());
    assert!(usize::from(data.label(last)) < data.classes());
    true
}

/// Tries one file of a set whose other files are in the folder.
pub fn fuzz_file(target: Target, set: &str, root: &Path, file: &str) -> TestResult {
    target.fuzz(|input| fs::write(root.join(file), input).is_ok() && loads(set, root))
}

fn gzip(bytes: &[u8]) -> TestResult<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

fn idx(magic: u32, dimensions: &[u32], body: &[u8]) -> Vec<u8> {
    let words = [&[magic], dimensions].concat();
    words.iter().flat_map(|word| word.to_be_bytes()).chain(body.iter().copied()).collect()
}

#[test]
fn idx_files() -> TestResult {
    let folder = tempfile::tempdir()?;
    let images = idx(0x803, &[3, 2, 4], &(0..24).collect::<Vec<u8>>());
    let labels = idx(0x801, &[3], &[2, 0, 9]);
    fs::write(folder.path().join("train-labels-idx1-ubyte"), &labels)?;
    let image_file = "train-images-idx3-ubyte";
    let seeds = vec![images.clone(), gzip(&images)?];
    fuzz_file(Target::new("idx-images", seeds), "mnist", folder.path(), image_file)?;
    fs::write(folder.path().join(image_file), &images)?;
    let seeds = vec![labels.clone(), gzip(&labels)?];
    let label_file = "train-labels-idx1-ubyte";
    fuzz_file(Target::new("idx-labels", seeds), "mnist", folder.path(), label_file)
}

#[test]
fn cifar_files() -> TestResult {
    let folder = tempfile::tempdir()?;
    let record = |labels: &[u8]| [labels, &[7; 3072]].concat();
    for batch in 2..=5 {
        fs::write(folder.path().join(format!("data_batch_{batch}.bin")), record(&[batch]))?;
    }
    let batch = [record(&[3]), record(&[9])].concat();
    let seeds = vec![gzip(&batch)?, batch];
    fuzz_file(Target::new("cifar10", seeds), "cifar10", folder.path(), "data_batch_1.bin")?;
    let seeds = vec![[record(&[19, 99]), record(&[0, 0])].concat()];
    fuzz_file(Target::new("cifar100", seeds), "cifar100", folder.path(), "train.bin")
}

#[test]
fn tiny_imagenet_files() -> TestResult {
    let folder = tiny_imagenet::folder();
    let root = folder.path();
    assert!(loads(SET, root), "and leaves a cache");
    let cache = fs::read(root.join(CACHE))?;
    let lists = vec![tiny_imagenet::wnids(0..200).into_bytes()];
    fuzz_file(Target::new("tiny-imagenet-classes", lists.clone()), SET, root, "wnids.txt")?;
    fs::write(root.join("wnids.txt"), &lists[0])?;
    fuzz_file(Target::new("tiny-imagenet-cache", vec![cache]), SET, root, CACHE)
}
