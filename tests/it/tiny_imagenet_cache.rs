//! The cache of Tiny-ImageNet's decoded images: used, made again, done without.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use losswalk::data::load_uncached;

use crate::image_folder::{grey, jpeg};
use crate::tiny_imagenet::{
    CACHE, IMAGE, SET, folder, image, list, must_be_whole, read, repair, replace, wnids,
};

/// Other bytes of the same size in the place of an image: seen only by who reads the image.
fn spoil_unseen(root: &Path) {
    let bytes = fs::read(image(root, 7)).unwrap();
    replace(root, &vec![b'x'; bytes.len()]);
}

#[test]
fn images_are_decoded_once() {
    let folder = folder();
    let left_by_a_killed_process = folder.path().join(format!(".{CACHE}.17"));
    fs::write(&left_by_a_killed_process, "losswalk pixels").unwrap();
    let first = read(folder.path());
    assert!(!left_by_a_killed_process.exists());
    spoil_unseen(folder.path());
    let second = read(folder.path());
    must_be_whole(&second);
    assert!(first.images() == second.images() && first.files() == second.files());
    let text = load_uncached(SET, Some(folder.path())).unwrap_err().to_string();
    assert!(text.contains(IMAGE), "{text}");
    let names = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(names, 3, "train, the list, the cache, and nothing left over");
}

#[test]
fn other_names_or_sizes_make_the_cache_invalid() {
    let changes: [fn(&Path); 4] = [
        |root| replace(root, &jpeg(&grey(64, 64))),
        |root| fs::rename(image(root, 7), image(root, 7).with_extension("jpg")).unwrap(),
        |root| list(root, &wnids((0..200).rev())),
        |root| fs::copy(image(root, 1), image(root, 7).with_file_name("2.JPEG")).map(drop).unwrap(),
    ];
    let folder = folder();
    for (index, change) in changes.into_iter().enumerate() {
        read(folder.path());
        let before = fs::read(folder.path().join(CACHE)).unwrap();
        change(folder.path());
        let fresh = load_uncached(SET, Some(folder.path())).unwrap();
        let data = read(folder.path());
        assert!(data.images() == fresh.images() && data.files() == fresh.files(), "{index}");
        assert_ne!(fs::read(folder.path().join(CACHE)).unwrap(), before, "{index}");
        repair(folder.path());
    }
}

/// A name for the damage to a file, and the damage.
type Spoiled = (&'static str, fn(&mut Vec<u8>));

#[test]
fn a_damaged_cache_is_replaced() {
    let damages: [Spoiled; 8] = [
        ("empty", |bytes| bytes.clear()),
        ("cut", |bytes| bytes.truncate(bytes.len() - 1)),
        ("longer", |bytes| bytes.push(0)),
        ("header only", |bytes| bytes.truncate(213)),
        ("another title", |bytes| bytes[16] = b'0'),
        ("another checksum of the files", |bytes| bytes[83 + 3] ^= 1),
        ("another pixel", |bytes| bytes[100_000] ^= 1),
        ("no text", |bytes| bytes[..20].fill(0xff)),
    ];
    let folder = folder();
    let whole = read(folder.path());
    let cache = folder.path().join(CACHE);
    let good = fs::read(&cache).unwrap();
    for (what, damage) in damages {
        let mut bytes = good.clone();
        damage(&mut bytes);
        assert_ne!(bytes, good, "{what}");
        fs::write(&cache, bytes).unwrap();
        let data = read(folder.path());
        assert!(data.images() == whole.images() && data.files() == whole.files(), "{what}");
        assert!(fs::read(&cache).unwrap() == good, "{what}");
    }
}

#[test]
fn a_cache_that_cannot_be_written_is_done_without() {
    let folder = folder();
    fs::create_dir(folder.path().join(CACHE)).unwrap();
    must_be_whole(&read(folder.path()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "nothing is left over");
    fs::remove_dir(folder.path().join(CACHE)).unwrap();

    // Root writes into read-only folders all the same; others then have no cache.
    let mut permissions = fs::metadata(folder.path()).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(folder.path(), permissions.clone()).unwrap();
    must_be_whole(&read(folder.path()));
    #[cfg(unix)]
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    fs::set_permissions(folder.path(), permissions).unwrap();
}
