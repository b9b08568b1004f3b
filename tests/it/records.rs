//! `docs/records.md` and the tables of the export name what records have, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use losswalk::export::{Column, Kind, TABLES};
use serde_json::Value;

use crate::program::{Run, TestResult, losswalk};

/// Everything that can be measured.
const MEASURES: &str = "measure=[{kind='line',iterations=2,points=4,reach=4.0,second_order=true},\
     {kind='alignment',epochs=[1],batch_sizes=[20],batches=2},\
     {kind='covariance',epochs=[1],batch_sizes=[20],batches=2,probes=2},\
     {kind='spectrum',epochs=[1],top=2,probes=1,batch_sizes=[20],batches=2}]";
const CERTIFIED: &str = "measure=[{kind='line',mode='certified',iterations=2,points=4}]";
const SHORT: [&str; 2] = ["train.epochs=1", "data.train_samples=400"];

/// A run with everything, and one with certified lines.
fn runs(folder: &Path) -> TestResult<[Run; 2]> {
    let run = |name: &str, measures| Run::new(folder.join(name), &[SHORT[0], SHORT[1], measures]);
    let runs = [run("exact", MEASURES), run("certified", CERTIFIED)];
    for run in &runs {
        let (code, message) = run.ends(&[])?;
        assert_eq!(code, 0, "{message}");
    }
    Ok(runs)
}

/// The keys of a value with those of the records in it: `shares`, `shares[].mean`, `machine.host`.
fn keys(prefix: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                keys(&path, value, found);
                found.insert(path);
            }
        }
        Value::Array(items) => {
            items.iter().for_each(|item| keys(&format!("{prefix}[]"), item, found));
        }
        _ => {}
    }
}

/// The keys that a file of a run has.
fn recorded(path: &Path) -> TestResult<BTreeSet<String>> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let mut found = BTreeSet::new();
    for value in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
        keys("", &value?, &mut found);
    }
    Ok(found)
}

/// Names and types in the table of each file on the page.
fn documented() -> TestResult<BTreeMap<String, BTreeMap<String, String>>> {
    let page = fs::read_to_string("docs/records.md")?;
    let sections = page.split("\n## `").skip(1).filter_map(|section| section.split_once("`\n"));
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let name = cells.next()?.trim_end_matches('`').to_owned();
        Some((name, cells.next()?.to_owned()))
    };
    let table = |text: &str| {
        let own = text.split("\n## ").next().unwrap_or_default();
        own.lines().filter_map(row).collect()
    };
    Ok(sections.map(|(file, text)| (file.to_owned(), table(text))).collect())
}

/// The columns of a table with those of the records in it, and their types.
fn typed(columns: &[Column], prefix: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for column in columns {
        let path = format!("{prefix}{}", column.name);
        if let Kind::List(Kind::Record(inner)) = column.kind {
            all.extend(typed(inner, &format!("{path}[].")));
        }
        all.insert(path, column.kind.to_string());
    }
    all
}

#[test]
fn the_page_of_records_names_every_key_and_no_other() -> TestResult {
    let folder = tempfile::tempdir()?;
    let runs = runs(folder.path())?;
    let mut documented = documented()?;
    for file in TABLES.iter().map(|table| format!("{}.jsonl", table.name)) {
        let [mut keys, certified] =
            [recorded(&runs[0].out.join(&file))?, recorded(&runs[1].out.join(&file))?];
        keys.extend(certified);
        let named = documented.remove(&file).ok_or_else(|| format!("{file} is not on the page"))?;
        assert_eq!(named.into_keys().collect::<BTreeSet<_>>(), keys, "{file}");
    }
    let manifest = documented.remove("manifest.json").ok_or("no manifest on the page")?;
    let mut keys = recorded(&runs[0].out.join("manifest.json"))?;
    // What this run has none of: the set's files (it is built in), added epochs, a device, and problems.
    let absent = [
        "data_files[].name",
        "data_files[].sha256",
        "departures[].error",
        "departures[].step",
        "extensions[].date",
        "extensions[].total_steps",
        "problems[].message",
        "problems[].step",
    ];
    keys.extend(absent.map(str::to_owned));
    assert_eq!(manifest.into_keys().collect::<BTreeSet<_>>(), keys);
    assert!(documented.is_empty(), "{:?}", documented.keys());
    Ok(())
}

#[test]
fn the_page_of_records_has_the_types_of_the_export() -> TestResult {
    let documented = documented()?;
    for table in TABLES {
        let file = format!("{}.jsonl", table.name);
        assert_eq!(documented.get(&file), Some(&typed(table.columns, "")), "{file}");
    }
    Ok(())
}

#[test]
fn a_run_is_exported_in_every_format() -> TestResult {
    let folder = tempfile::tempdir()?;
    for run in runs(folder.path())? {
        for (format, file) in
            [("parquet", "line.parquet"), ("csv", "line.csv"), ("tensorboard", "")]
        {
            let output = losswalk().args(["export", "--format", format]).arg(&run.out).output()?;
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let paths = String::from_utf8(output.stdout)?;
            assert!(paths.lines().any(|path| path.ends_with(file)) && paths.contains("export"));
            assert!(paths.lines().all(|path| fs::metadata(path).is_ok_and(|file| file.len() > 0)));
        }
        let table = fs::read_to_string(run.out.join("export/line.csv"))?;
        let alphas = "\"[0.0,0.25,0.5,0.75,1.0]\"";
        assert!(table.lines().nth(1).is_some_and(|row| row.contains(alphas)), "{table}");
    }
    Ok(())
}

#[test]
fn what_cannot_be_exported_is_said_and_nothing_is_written() -> TestResult {
    let folder = tempfile::tempdir()?;
    let [run, _] = runs(folder.path())?;
    let export = |message: &str| -> TestResult {
        let output = losswalk().args(["export", "--format", "csv"]).arg(&run.out).output()?;
        let said = String::from_utf8(output.stderr)?;
        assert!(!output.status.success() && said.contains(message), "{said}");
        assert!(!run.out.join("export").exists());
        Ok(())
    };
    let line = fs::read_to_string(run.out.join("line.jsonl"))?;
    fs::write(run.out.join("line.jsonl"), line.replacen("[0.0,", "[\"0\",", 1))?;
    export("line.jsonl: line 1: `alphas` is [\"0\",")?;
    for table in TABLES {
        fs::write(run.out.join(format!("{}.jsonl", table.name)), "")?;
    }
    export("nothing is recorded yet")
}
