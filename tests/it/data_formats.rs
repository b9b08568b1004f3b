//! CIFAR files and archives, whole and damaged, in the published formats made small.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use flate2::{Compression, write::GzEncoder};
use losswalk::data::{
    Archive, DataError, Description, Download, FetchOptions, FileKind, FileStatus, PublishedFile,
    PublishedSet, Split, fetch, load, verify,
};
use tempfile::TempDir;

use crate::data_files::{published_set, sha256};

/// A record whose plane c has the byte `first + c` at 0, and row + 2 column + 50 c elsewhere.
fn record(labels: &[u8], first: u8) -> Vec<u8> {
    let mut bytes = labels.to_vec();
    for channel in 0..3 {
        bytes.push(first + channel as u8);
        bytes.extend((1..1024).map(|i| (i / 32 + 2 * (i % 32) + 50 * channel) as u8));
    }
    bytes
}

/// The five training files of CIFAR-10, with two records each and the labels 0 to 9.
fn cifar10() -> Vec<(String, Vec<u8>)> {
    let batch = |k: u8| [record(&[2 * k], 10 * k), record(&[2 * k + 1], 10 * k + 5)].concat();
    (0..5).map(|k| (format!("data_batch_{}.bin", k + 1), batch(k))).collect()
}

/// The training file of CIFAR-100 with three records.
fn cifar100() -> Vec<u8> {
    [record(&[19, 99], 1), record(&[0, 0], 2), record(&[7, 42], 3)].concat()
}

fn write_all(root: &Path, files: &[(String, Vec<u8>)]) {
    fs::create_dir_all(root).unwrap();
    for (name, bytes) in files {
        fs::write(root.join(name), bytes).unwrap();
    }
}

fn temporary() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn cifar10_is_read_from_the_root_and_from_the_folder_of_its_archive() {
    for inside in ["", "cifar-10-batches-bin"] {
        let folder = temporary();
        write_all(&folder.path().join(inside), &cifar10());
        let data = load("cifar10", Some(folder.path())).unwrap();
        assert_eq!(data.labels(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let pixel = |sample: usize, row: usize, column: usize| {
            &data.images()[((sample * 32 + row) * 32 + column) * 3..][..3]
        };
        assert_eq!(pixel(3, 0, 0), [15, 16, 17]);
        assert_eq!(pixel(9, 31, 2), [35, 85, 135]);
        assert_eq!(data.files().len(), 5);
        let normalised: Vec<f64> = data.pixels(&[3]);
        assert_eq!(normalised[1], (16.0 / 255.0 - 0.4822) / 0.1994);
    }
}

#[test]
fn cifar100_has_the_fine_labels() {
    let folder = temporary();
    write_all(folder.path(), &[("train.bin".to_owned(), cifar100())]);
    let data = load("cifar100", Some(folder.path())).unwrap();
    assert_eq!((data.labels(), data.classes()), ([99, 0, 42].as_slice(), 100));
    assert_eq!(&data.images()[..6], [1, 2, 3, 2, 52, 102]);
}

#[test]
fn a_network_trains_on_cifar10_files() {
    let folder = temporary();
    let root = folder.path().join("data");
    write_all(&root, &cifar10());
    let experiment = folder.path().join("a.toml");
    let text = format!(
        "[data]\nname = 'cifar10'\nroot = '{}'\n[model]\narch = 'vgg11'\nwidth = 0.05\n[train]\n\
         batch_size = 10\n[[measure]]\nkind = 'line'\npoints = 2\n",
        root.display()
    );
    fs::write(&experiment, text).unwrap();
    let run = folder.path().join("run");
    let output = Command::new(env!("CARGO_BIN_EXE_losswalk"))
        .args(["run".as_ref(), experiment.as_os_str(), "--out".as_ref(), run.as_os_str()])
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    let warning = format!("data_batch_1.bin in {} is not cifar10 as published", root.display());
    assert!(stderr.contains(&warning), "{stderr}");
    assert!(stderr.contains("2 samples, published 10000"), "{stderr}");
    let lines = fs::read_to_string(run.join("line.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 1);
}

/// What may be wrong with a file: the damage, and what the message says about it.
type Damage = (&'static str, fn(Vec<u8>) -> Vec<u8>, &'static str);

fn without_last(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.pop();
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn with(mut bytes: Vec<u8>, at: usize, value: u8) -> Vec<u8> {
    bytes[at] = value;
    bytes
}

/// Damage to a file of either set, which needs no knowledge of the number of labels.
const DAMAGE: [Damage; 17] = [
    ("empty", |_| Vec::new(), "the file is empty"),
    ("one byte", |_| vec![0], "no whole number of records"),
    ("a byte less", without_last, "no whole number of records"),
    ("a byte more", |bytes| [bytes, vec![0]].concat(), "records and 1 bytes more"),
    ("labels only", |bytes| bytes[..2].to_vec(), "0 records and 2 bytes more"),
    ("half a record", |bytes| bytes[..1536].to_vec(), "0 records and 1536 bytes more"),
    ("two planes", |bytes| bytes[..2050].to_vec(), "0 records and 2050 bytes more"),
    ("pixels without labels", |bytes| bytes[2..3074].to_vec(), "0 records and 3072 bytes more"),
    ("first label out of range", |bytes| with(bytes, 0, 20), "record 0 has the"),
    ("largest label", |bytes| with(bytes, 0, 255), "label 255"),
    ("a web page", |_| b"<!DOCTYPE html><html>404</html>".to_vec(), "no whole number of records"),
    ("a text", |_| b"not found\n".to_vec(), "no whole number of records"),
    ("cut gzip", |bytes| gzip(&bytes)[..40].to_vec(), "gzip"),
    ("gzip of nothing", |_| gzip(&[]), "the file is empty"),
    ("gzip of half", |bytes| gzip(&bytes[..100]), "no whole number of records"),
    ("gzip and rubbish", |bytes| [gzip(&bytes), b"x".to_vec()].concat(), "gzip"),
    ("gzip header only", |_| vec![0x1f, 0x8b], "gzip"),
];

/// Checks the message for damage to `name`, one of `files`.
fn refuses(set: &str, files: &[(String, Vec<u8>)], name: &str, damage: Damage) {
    let (what, spoil, expected) = damage;
    let folder = temporary();
    write_all(folder.path(), files);
    let path = folder.path().join(name);
    fs::write(&path, spoil(fs::read(&path).unwrap())).unwrap();
    let text = load(set, Some(folder.path())).unwrap_err().to_string();
    assert!(text.contains(&path.display().to_string()), "{what}: {text}");
    assert!(text.contains(expected), "{what}: {text}");
    assert!(text.contains(&format!("losswalk data fetch {set} --root")), "{what}: {text}");
}

#[test]
fn damaged_cifar10_files_are_refused_by_name() {
    for damage in DAMAGE {
        refuses("cifar10", &cifar10(), "data_batch_4.bin", damage);
    }
    let own: [Damage; 4] = [
        ("label 10", |bytes| with(bytes, 0, 10), "record 0 has the label 10; there are 10: 0 to 9"),
        ("second label", |bytes| with(bytes, 3073, 11), "record 1 has the label 11"),
        ("a record of cifar100", |_| record(&[1, 1], 0), "1 records and 1 bytes more"),
        ("a whole file of cifar100", |_| cifar100(), "3 records and 3 bytes more"),
    ];
    for damage in own {
        refuses("cifar10", &cifar10(), "data_batch_1.bin", damage);
    }
}

#[test]
fn damaged_cifar100_files_are_refused_by_name() {
    let files = [("train.bin".to_owned(), cifar100())];
    for damage in DAMAGE {
        refuses("cifar100", &files, "train.bin", damage);
    }
    let own: [Damage; 4] = [
        ("coarse label 20", |bytes| with(bytes, 3074, 20), "record 1 has the coarse label 20"),
        (
            "fine label 100",
            |bytes| with(bytes, 1, 100),
            "the fine label 100; there are 100: 0 to 99",
        ),
        ("last fine label", |bytes| with(bytes, 6149, 255), "record 2 has the fine label 255"),
        ("a file of cifar10", |_| cifar10().remove(0).1, "1 records and 3072 bytes more"),
    ];
    for damage in own {
        refuses("cifar100", &files, "train.bin", damage);
    }
}

#[test]
fn a_missing_cifar_file_is_named_with_both_places() {
    let folder = temporary();
    write_all(folder.path(), &cifar10()[..4]);
    let text = load("cifar10", Some(folder.path())).unwrap_err().to_string();
    let names = "data_batch_5.bin, cifar-10-batches-bin/data_batch_5.bin";
    assert!(text.contains(names), "{text}");
}

/// An entry of a made archive: its path, its type and its content.
type Entry<'a> = (&'a str, tar::EntryType, &'a [u8]);

const FILE: tar::EntryType = tar::EntryType::Regular;

/// A `.tar.gz`; paths are written as they are, which the `tar` crate's own builder refuses.
fn tar_gz(entries: &[Entry]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, kind, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        if matches!(kind, tar::EntryType::Symlink | tar::EntryType::Link) {
            header.set_link_name("../../outside").unwrap();
        }
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    gzip(&builder.into_inner().unwrap())
}

fn leaked(text: String) -> &'static str {
    text.leak()
}

/// A set of one training file of records, published in `archive`.
fn published(archive: &[u8], name: &'static str) -> PublishedSet {
    let content = leaked(sha256(&cifar10()[0].1));
    let file = PublishedFile {
        name: "data_batch_1.bin",
        split: Split::Train,
        kind: FileKind::Records,
        bytes: cifar10()[0].1.len() as u64,
        sha256: content,
        content_sha256: content,
    };
    let download = Download { name, bytes: archive.len() as u64, sha256: leaked(sha256(archive)) };
    let cifar10 = published_set("cifar10");
    let limits = Archive { max_entries: 10, max_bytes: 100_000, ..cifar10.archive.unwrap() };
    PublishedSet {
        about: Description { train: 2, ..cifar10.about.clone() },
        files: vec![file].leak(),
        archive: Some(Archive { download, ..limits }),
        mirrors: &[],
        ..cifar10.clone()
    }
}

/// Fetches with the archive in the folder already, so that it is checked and unpacked.
fn unpack(archive: &[u8], name: &'static str, root: &Path) -> Result<(), DataError> {
    fs::write(root.join(name), archive).unwrap();
    fetch(&published(archive, name), root, &FetchOptions::default(), &mut |_| {})
}

const TAR: &str = "cifar-10-binary.tar.gz";

#[test]
fn an_archive_is_unpacked_once_and_only_what_is_wanted_is_kept() {
    let batch = &cifar10()[0].1;
    let archive = tar_gz(&[
        ("cifar-10-batches-bin/", tar::EntryType::Directory, b""),
        ("cifar-10-batches-bin/readme.html", FILE, b"text"),
        ("./cifar-10-batches-bin/data_batch_1.bin", FILE, batch),
        ("elsewhere/data_batch_1.bin", FILE, b"no"),
    ]);
    let folder = temporary();
    unpack(&archive, TAR, folder.path()).unwrap();
    let unpacked = folder.path().join("cifar-10-batches-bin");
    let names: Vec<_> = fs::read_dir(&unpacked).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["data_batch_1.bin"]);
    assert!(fs::read(unpacked.join("data_batch_1.bin")).unwrap() == *batch);
    assert!(!folder.path().join(".cifar-10-batches-bin.part").exists());
    let findings = verify(&published(&archive, TAR), folder.path()).unwrap();
    assert_eq!(findings[0].status, FileStatus::Right);
    // What is there and right is enough: the archive is not needed again.
    fs::remove_file(folder.path().join(TAR)).unwrap();
    fetch(&published(&archive, TAR), folder.path(), &FetchOptions::default(), &mut |_| {}).unwrap();
}

#[test]
fn a_hostile_or_damaged_archive_is_refused_and_leaves_nothing() {
    let batch = &cifar10()[0].1;
    let good: Entry = ("cifar-10-batches-bin/data_batch_1.bin", FILE, batch);
    let bomb = vec![0; 200_000];
    let inside = "cifar-10-batches-bin/data_batch_2.bin";
    let whole = tar_gz(&[good]);
    let mut many = vec![good];
    many.extend([("cifar-10-batches-bin/x", FILE, b"".as_slice()); 10]);
    let cases = [
        (tar_gz(&[good, ("../evil", FILE, b"x")]), "`../evil` leads out"),
        (tar_gz(&[good, ("cifar-10-batches-bin/../../evil", FILE, b"x")]), "leads out"),
        (tar_gz(&[good, ("/tmp/losswalk-evil", FILE, b"x")]), "leads out"),
        (tar_gz(&[good, ("a\\..\\evil", FILE, b"x")]), "leads out"),
        (tar_gz(&[good, ("C:evil", FILE, b"x")]), "leads out"),
        (tar_gz(&[good, (inside, tar::EntryType::Symlink, b"")]), "is a link or a device"),
        (tar_gz(&[good, (inside, tar::EntryType::Link, b"")]), "is a link or a device"),
        (tar_gz(&[good, (inside, tar::EntryType::Fifo, b"")]), "is a link or a device"),
        (tar_gz(&[good, (inside, FILE, &bomb)]), "expands to more than the data set"),
        (tar_gz(&[good, ("elsewhere", FILE, &bomb)]), "expands to more than the data set"),
        (tar_gz(&many), "has more than 10 entries"),
        (tar_gz(&[good, good]), "cannot be unpacked"),
        (
            tar_gz(&[("cifar-10-batches-bin/other", FILE, b"x")]),
            "has no `cifar-10-batches-bin/data_b",
        ),
        (whole[..whole.len() / 2].to_vec(), "cannot be unpacked"),
        (b"not an archive".to_vec(), "cannot be unpacked"),
        (Vec::new(), "cannot be unpacked"),
    ];
    for (index, (archive, expected)) in cases.into_iter().enumerate() {
        let parent = temporary();
        let root = parent.path().join("root");
        fs::create_dir(&root).unwrap();
        let text = unpack(&archive, TAR, &root).unwrap_err().to_string();
        assert!(text.contains(expected), "{index}: {text} does not say {expected}");
        assert!(text.contains(&root.join(TAR).display().to_string()), "{index}: {text}");
        assert!(!root.join("cifar-10-batches-bin").exists(), "{index}");
        assert!(!root.join(".cifar-10-batches-bin.part").exists(), "{index}");
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1, "{index}");
    }
    assert!(!Path::new("/tmp/losswalk-evil").exists());
}

/// A `.zip`.
pub fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn zip_archives_are_held_to_the_same() {
    let batch = &cifar10()[0].1;
    let good = ("cifar-10-batches-bin/data_batch_1.bin", batch.as_slice());
    let folder = temporary();
    unpack(&zip_of(&[good, ("other", b"x")]), "a.zip", folder.path()).unwrap();
    let unpacked = folder.path().join("cifar-10-batches-bin/data_batch_1.bin");
    assert!(fs::read(unpacked).unwrap() == *batch);

    let bomb = vec![0; 200_000];
    let whole = zip_of(&[good]);
    let cases = [
        (zip_of(&[good, ("../evil", b"x")]), "`../evil` leads out"),
        (zip_of(&[good, ("cifar-10-batches-bin/data_batch_2.bin", &bomb)]), "expands to more"),
        (zip_of(&[("cifar-10-batches-bin/other", b"x")]), "has no `cifar-10-batches-bin/data_b"),
        (whole[..whole.len() - 10].to_vec(), "cannot be unpacked"),
        (Vec::new(), "cannot be unpacked"),
    ];
    for (archive, expected) in cases {
        let folder = temporary();
        let text = unpack(&archive, "a.zip", folder.path()).unwrap_err().to_string();
        assert!(text.contains(expected), "{text} does not say {expected}");
        assert!(!folder.path().join("cifar-10-batches-bin").exists());
    }
}
