//! Decoded images in one file beside the data set, so that only the first run decodes them.
//!
//! The file is four lines of text (title, key, checksum of the images' files, checksum of everything
//! that follows the key) and the pixels. The key is a checksum of the names and sizes of the images'
//! files: an image that changes without changing its size goes unnoticed until the cache is deleted.
//! A cache that is damaged or of other images is replaced, and one that cannot be written is done
//! without.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::checksum::hexadecimal;
use super::class_folders::Listing;
use super::images::{Decoded, decode_all};
use super::{DataError, ImageShape};
use crate::memory;
use crate::partial::Partial;

/// The file's name, beside `train`.
const NAME: &str = "losswalk-pixels.cache";

/// What the name begins with while it is written; the process's number follows.
const PART: &str = ".losswalk-pixels.cache.";

/// The first line; the number is raised when the file or the decoder changes.
const TITLE: &str = "losswalk pixels 1";

/// Bytes before the pixels: the title and three lines of 64 digits.
const HEADER_BYTES: usize = TITLE.len() + 1 + 3 * 65;

/// Whether a cache is looked for and left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caching {
    /// It is.
    Use,
    /// Every image is decoded.
    Ignore,
}

/// The images of `listing`, as [`decode_all`] would give them.
pub(super) fn decoded(
    set: &'static str,
    listing: &Listing,
    shape: ImageShape,
    caching: Caching,
) -> Result<Decoded, DataError> {
    if caching == Caching::Ignore {
        return decode_all(set, listing, shape);
    }
    let (path, key) = (listing.train.with_file_name(NAME), key(listing)?);
    // Whatever keeps the cache from being read, the images are there.
    if let Ok(Some(cached)) = read(&path, &key, listing.paths.len() * shape.bytes()) {
        return Ok(cached);
    }
    let decoded = decode_all(set, listing, shape)?;
    // The data may lie in a read-only folder or on a full disk; that costs time, not the run.
    let _ = write(&path, &key, &decoded);
    Ok(decoded)
}

/// SHA-256 of the names and sizes of all files, in the order of the samples.
fn key(listing: &Listing) -> Result<String, DataError> {
    let mut sum = Sha256::new();
    for path in &listing.paths {
        let bytes = fs::metadata(path).map_err(DataError::io("read", path))?.len();
        let name = path.strip_prefix(&listing.train).unwrap_or(path);
        sum.update(format!("{bytes} {}\n", name.display()));
    }
    Ok(hexadecimal(&sum.finalize()))
}

fn checksum(decoded: &Decoded) -> String {
    let sum = Sha256::new().chain_update(&decoded.sha256).chain_update(&decoded.pixels);
    hexadecimal(&sum.finalize())
}

/// What the cache holds; `None` if it is damaged or of other images.
fn read(path: &Path, key: &str, pixel_bytes: usize) -> io::Result<Option<Decoded>> {
    let metadata = fs::metadata(path)?;
    let expected = HEADER_BYTES.saturating_add(pixel_bytes) as u64;
    if !metadata.is_file() || metadata.len() != expected {
        return Ok(None);
    }
    let (mut file, mut header, mut pixels) = (File::open(path)?, String::new(), Vec::new());
    (&file).take(HEADER_BYTES as u64).read_to_string(&mut header)?;
    let lines: Vec<&str> = header.lines().collect();
    let [TITLE, found, sha256, sum] = lines[..] else { return Ok(None) };
    if found != key {
        return Ok(None);
    }
    memory::reserve(&mut pixels, pixel_bytes as u64)?;
    file.read_to_end(&mut pixels)?;
    let decoded = Decoded { pixels, sha256: sha256.to_owned() };
    let is_whole = decoded.pixels.len() == pixel_bytes && checksum(&decoded) == sum;
    Ok(is_whole.then_some(decoded))
}

/// Writes the cache beside its place and renames it, so that no reader meets a part of it.
fn write(path: &Path, key: &str, decoded: &Decoded) -> io::Result<()> {
    remove_parts(path)?;
    let part = Partial::at(path.with_file_name(format!("{PART}{}", std::process::id())));
    let written = write_part(&part, key, decoded).and_then(|()| fs::rename(&*part, path));
    if written.is_err() && part.is_file() {
        fs::remove_file(&*part)?;
    }
    written
}

/// Removes what killed processes left. Of two that write at the same time the first may lose its
/// part to the second, and does without.
fn remove_parts(path: &Path) -> io::Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(PART.as_bytes()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn write_part(part: &Path, key: &str, decoded: &Decoded) -> io::Result<()> {
    let mut file = File::create(part)?;
    write!(file, "{TITLE}\n{key}\n{}\n{}\n", decoded.sha256, checksum(decoded))?;
    file.write_all(&decoded.pixels)?;
    file.sync_all()
}
