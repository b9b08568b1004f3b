//! Parameter files: safetensors, and every form in which PyTorch saves.

use std::fs;
use std::io::{Cursor, Read};

use losswalk::parameters::Tensors;
use zip::ZipArchive;

use super::Target;
use crate::numpy_arrays::stored;
use crate::program::TestResult;

const FOLDER: &str = "tests/golden/checkpoints";

/// Opcodes and names of pickles.
const WORDS: [&str; 12] = [
    "\u{80}\u{2}",
    "ctorch._utils\n_rebuild_tensor_v2\n",
    "ccollections\nOrderedDict\n",
    "ctorch\nFloatStorage\n",
    "cbuiltins\neval\n",
    "(((((((((((((((((((((((((((((((",
    "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
    "h\0q\0",
    "}q",
    "R.",
    "tQ",
    "\"BOOL\"",
];

/// Reads a file, and every number of it.
fn reads(path: &std::path::Path) -> bool {
    let Ok(tensors) = Tensors::read(path) else { return false };
    for (name, (shape, values)) in &tensors.entries {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "{name}");
    }
    true
}

fn fuzz_files(name: &'static str, files: &[&str]) -> TestResult {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("parameters");
    let seeds = files.iter().map(|file| fs::read(format!("{FOLDER}/{file}")));
    let target = Target::new(name, seeds.collect::<Result<_, _>>()?);
    let target = Target { words: &WORDS, ..target };
    target.fuzz(|input| fs::write(&path, input).is_ok() && reads(&path))
}

#[test]
fn safetensors_files() -> TestResult {
    fuzz_files("safetensors", &["3.safetensors"])
}

#[test]
fn files_of_torch_save_in_the_legacy_format() -> TestResult {
    fuzz_files("pt-legacy", &["1-legacy.pth"])
}

#[test]
fn archives_of_torch_save() -> TestResult {
    fuzz_files("pt-zip", &["0-zip.pt", "2-nested.pt", "4-module.pt", "optimizer.pt"])
}

/// A damaged pickle in a whole archive, behind its checksums.
#[test]
fn pickles_in_archives_of_torch_save() -> TestResult {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("parameters");
    let (mut pickles, mut archives) = (Vec::new(), Vec::new());
    for file in ["0-zip.pt", "2-nested.pt", "4-module.pt", "optimizer.pt"] {
        let (pickle, others) = members(&fs::read(format!("{FOLDER}/{file}"))?)?;
        pickles.push(pickle);
        archives.push(others);
    }
    let target = Target { words: &WORDS, ..Target::new("pt-pickle", pickles) };
    target.fuzz(|input| {
        // Whose tensors these are does not show in a pickle: any archive that has them will do.
        archives.iter().any(|others| {
            let pickle = ("archive/data.pkl", input.to_vec());
            let others = others.iter().map(|(name, bytes)| (name.as_str(), bytes.clone()));
            let archive = stored(&std::iter::once(pickle).chain(others).collect::<Vec<_>>());
            fs::write(&path, archive).is_ok() && reads(&path)
        })
    })
}

/// The pickle of an archive, and its other members in a folder named `archive`.
#[expect(clippy::type_complexity, reason = "two parts of one archive")]
fn members(bytes: &[u8]) -> TestResult<(Vec<u8>, Vec<(String, Vec<u8>)>)> {
    let mut archive = ZipArchive::new(Cursor::new(bytes))?;
    let (mut pickle, mut others) = (Vec::new(), Vec::new());
    for index in 0..archive.len() {
        let mut member = archive.by_index(index)?;
        let mut content = Vec::new();
        member.read_to_end(&mut content)?;
        let name =
            member.name()?.split_once('/').map_or(String::new(), |(_, name)| name.to_owned());
        match name.as_str() {
            "data.pkl" => pickle = content,
            _ => others.push((format!("archive/{name}"), content)),
        }
    }
    Ok((pickle, others))
}
