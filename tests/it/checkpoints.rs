//! Parameter files that PyTorch saved (`tests/reference/golden_checkpoints.py`), through the program.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use losswalk::parameters::Tensors;
use serde_json::Value;

/// A zip archive, the legacy format, nested and prefixed names beside an optimizer, safetensors, and
/// a whole pickled module: consecutive points of one path.
const FILES: [&str; 5] =
    ["0-zip.pt", "1-legacy.pth", "2-nested.pt", "3.safetensors", "4-module.pt"];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/checkpoints").join(name)
}

/// The experiment of the golden files, with `hidden` units.
fn model(folder: &Path, hidden: usize, precision: &str) -> PathBuf {
    let text = format!(
        "[data]\nname = 'digits'\n[model]\narch = 'mlp'\nhidden = [{hidden}]\n\
         [evaluation]\nbatch_norm = 'running'\nprecision = '{precision}'\n"
    );
    let path = folder.join("model.toml");
    fs::write(&path, text).unwrap();
    path
}

fn losswalk(command: &str, model: &Path, arguments: &[&Path]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_losswalk"));
    program.args([command, "--json", "--points", "4", "--model"]).arg(model).args(arguments);
    program.output().unwrap()
}

fn objects(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The message of a command that must end with exit code 2.
fn mistake(output: &Output) -> String {
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{message}");
    message
}

#[track_caller]
fn assert_close(found: &Value, expected: &Value, tolerance: f64) {
    match (found, expected) {
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len());
            found.iter().zip(expected).for_each(|(a, b)| assert_close(a, b, tolerance));
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            assert!((a - b).abs() <= tolerance * b.abs(), "{a} is not {b}");
        }
        _ => assert_eq!(found, expected),
    }
}

#[test]
fn a_path_over_every_format_is_measured_as_pytorch_measures_it() {
    let folder = tempfile::tempdir().unwrap();
    let files = FILES.map(golden);
    let expected: Vec<Value> =
        serde_json::from_slice(&fs::read(golden("path.json")).unwrap()).unwrap();
    for (precision, tolerance) in [("f32", 1e-6), ("f64", 1e-10)] {
        let model = model(folder.path(), 8, precision);
        let found = objects(&losswalk("path", &model, &files.each_ref().map(PathBuf::as_path)));
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert_close(&found["losses"], &expected["losses"], tolerance);
            // The parameters themselves are read exactly.
            for key in ["update_norm", "update_cosine", "distance", "path_length"] {
                assert_close(&found[key], &expected[key], 1e-10);
            }
        }
    }
}

#[test]
fn a_line_between_two_formats_is_measured_as_pytorch_measures_it() {
    let folder = tempfile::tempdir().unwrap();
    let expected: Vec<Value> =
        serde_json::from_slice(&fs::read(golden("path.json")).unwrap()).unwrap();
    for (precision, tolerance) in [("f32", 1e-6), ("f64", 1e-10)] {
        let model = model(folder.path(), 8, precision);
        let (from, to) = (golden(FILES[1]), golden(FILES[2]));
        let arguments = [Path::new("--from"), &from, Path::new("--to"), &to];
        let found = &objects(&losswalk("line", &model, &arguments))[0];
        assert_close(&found["losses"], &expected[1]["losses"], tolerance);
        assert_close(&found["distance"], &expected[1]["update_norm"], 1e-10);
    }
}

#[test]
fn a_cut_file_of_any_format_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    for name in FILES {
        let whole = fs::read(golden(name)).unwrap();
        let path = folder.path().join(name);
        for length in (0..whole.len()).step_by(13) {
            fs::write(&path, &whole[..length]).unwrap();
            let message = Tensors::read(&path).unwrap_err().to_string();
            assert!(message.contains(name), "{length} bytes: {message}");
        }
    }
}

#[test]
fn what_is_no_parameter_file_ends_with_a_clear_message_and_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), 8, "f32");
    let zip = fs::read(golden(FILES[0])).unwrap();
    let cases: [(&str, &[u8], &str); 7] = [
        ("empty.pt", b"", "is empty"),
        ("text.pt", b"fc1.weight = 1\n", "neither a safetensors file nor"),
        ("cut.pt", &zip[..zip.len() / 2], "neither a safetensors file nor"),
        // Pickles of [] and of {'epoch': 1}, and one that would call os.system.
        ("list.pt", b"\x80\x02].", "Expected a dictionary"),
        ("numbers.pt", b"\x80\x02}X\x05\0\0\0epochK\x01s.", "holds no tensors"),
        ("call.pt", b"\x80\x02cos\nsystem\nX\x04\0\0\0true\x85R.", "Expected a dictionary"),
        (
            "optimizer.pt",
            &fs::read(golden("optimizer.pt")).unwrap(),
            "`fc1.weight` [8, 64] is missing",
        ),
    ];
    for (name, content, expected) in cases {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        let message = mistake(&losswalk("path", &model, &[&golden(FILES[0]), &path]));
        assert!(message.contains(name) && message.contains(expected), "{message}");
    }
    let absent = folder.path().join("absent.pt");
    let message = mistake(&losswalk("path", &model, &[&absent, &absent]));
    assert!(message.contains("absent.pt: cannot read"), "{message}");
}

#[test]
fn missing_extra_and_misshapen_entries_are_all_listed() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = Tensors::read(&golden(FILES[2])).unwrap();
    let bias = file.entries.remove("state_dict.module.fc2.bias").unwrap();
    file.entries.insert("state_dict.module.head.bias".to_owned(), bias);
    let path = folder.path().join("other.safetensors");
    fs::write(&path, file.encode().unwrap()).unwrap();
    let model = model(folder.path(), 9, "f32");
    let message = mistake(&losswalk("path", &model, &[&path, &path]));
    for problem in [
        "`fc2.bias` [10] is missing",
        "`head.bias` is in the file but not in the network",
        "`fc1.weight` is [8, 64] in the file, [9, 64] in the network",
        "`bn1.running_var` is [8] in the file, [9] in the network",
    ] {
        assert!(message.contains(problem), "{problem}\nnot in\n{message}");
    }
}

#[test]
fn running_statistics_that_a_file_lacks_are_not_made_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = Tensors::read(&golden(FILES[3])).unwrap();
    file.entries.retain(|name, _| !name.contains("running"));
    let path = folder.path().join("bare.safetensors");
    fs::write(&path, file.encode().unwrap()).unwrap();
    let model = model(folder.path(), 8, "f32");
    let message = mistake(&losswalk("path", &model, &[&path, &path]));
    assert!(message.contains("no running statistics"), "{message}");
}
