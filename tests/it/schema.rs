//! The JSON Schema of experiments accepts what the reader accepts, and refuses what an editor should
//! underline.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use losswalk::experiment::parse;
use serde_json::{Value, json};

use crate::experiments::experiments;
use crate::lab::end;
use crate::program::losswalk;

/// As much of JSON Schema as the schema uses.
struct Validator<'a> {
    root: &'a Value,
}

impl Validator<'_> {
    fn accepts(&self, schema: &Value, value: &Value) -> bool {
        let keywords = schema.as_object().unwrap();
        keywords.iter().all(|(keyword, argument)| self.keyword(keyword, argument, schema, value))
    }

    fn keyword(&self, keyword: &str, argument: &Value, schema: &Value, value: &Value) -> bool {
        let all = |schemas: &Value| {
            schemas.as_array().unwrap().iter().filter(|s| self.accepts(s, value)).count()
        };
        match keyword {
            "$ref" => {
                let pointer = argument.as_str().unwrap().strip_prefix('#').unwrap();
                self.accepts(self.root.pointer(pointer).unwrap(), value)
            }
            "allOf" => all(argument) == argument.as_array().unwrap().len(),
            "oneOf" => all(argument) == 1,
            "const" => argument == value,
            "enum" => argument.as_array().unwrap().contains(value),
            "type" => match argument.as_str().unwrap() {
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_i64() || value.is_u64(),
                "number" => value.is_number(),
                "array" => value.is_array(),
                "object" => value.is_object(),
                other => panic!("unknown type {other}"),
            },
            "minimum" => value.as_f64().is_none_or(|value| value >= argument.as_f64().unwrap()),
            "items" => {
                value.as_array().into_iter().flatten().all(|item| self.accepts(argument, item))
            }
            "properties" => argument.as_object().unwrap().iter().all(|(key, property)| {
                value.get(key).is_none_or(|value| self.accepts(property, value))
            }),
            "required" => argument
                .as_array()
                .unwrap()
                .iter()
                .all(|key| value.get(key.as_str().unwrap()).is_some()),
            "additionalProperties" => {
                let known = schema["properties"].as_object().unwrap();
                value.as_object().into_iter().flatten().all(|(key, _)| known.contains_key(key))
            }
            "$schema" | "title" | "description" | "default" | "definitions" => true,
            other => panic!("unknown keyword {other}"),
        }
    }
}

fn schema() -> Value {
    let printed = end(losswalk().arg("schema"));
    printed.must_say(0, &[]);
    serde_json::from_str(&printed.stdout).unwrap()
}

fn json(toml: &str) -> Value {
    serde_json::to_value(toml.parse::<toml::Table>().unwrap()).unwrap()
}

#[test]
fn every_experiment_fits_the_schema_and_so_does_its_run_toml() {
    let schema = schema();
    let validator = Validator { root: &schema };
    let mut all = experiments(&Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments")).unwrap();
    all.push("src/cli/first-walk.toml".into());
    assert!(all.len() > 20);
    for path in all {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(validator.accepts(&schema, &json(&text)), "{}", path.display());
        let written = parse(&text, "a.toml", "a", &[]).unwrap().to_toml().unwrap();
        assert!(validator.accepts(&schema, &json(&written)), "{written}");
    }
}

#[test]
fn schema_and_reader_agree_on_what_is_wrong() {
    let schema = schema();
    let validator = Validator { root: &schema };
    let valid = "data.name = 'digits'\nmodel.arch = 'mlp'\n";
    let cases = [
        ("train.epochs = 2", true),
        ("train = { optimizer = 'adam', beta1 = 0.5 }", true),
        ("train = { optimizer = 'adam', momentum = 0.5 }", false),
        ("train.beta1 = 0.5", false),
        ("train.epochs = 0", false),
        ("train.epochs = 'two'", false),
        ("train.learnin_rate = 0.1", false),
        ("train.schedule = { kind = 'step' }", false),
        ("train.schedule = { kind = 'step', every = 5 }", true),
        ("nmae = 'x'", false),
        ("seeds = [1, 2]", true),
        ("evaluation.batch_norm = 'running'", true),
        ("evaluation.batch_norm = 'walking'", false),
        ("measure = [{ kind = 'line', epochs = 'all', iterations = 5 }]", true),
        ("measure = [{ kind = 'line', epochs = 'some' }]", false),
        ("measure = [{ kind = 'line', mode = 'certified', error = 0.01 }]", true),
        ("measure = [{ epochs = 'all' }]", false),
        ("measure = [{ kind = 'line', top = 3 }]", false),
        ("measure = [{ kind = 'spectrum', top = 3, epochs = [0, 1] }]", true),
    ];
    for (text, is_valid) in cases {
        let text = format!("{valid}{text}");
        let read = parse(&text, "a.toml", "a", &[]);
        assert_eq!(read.is_ok(), is_valid, "reader: {text}");
        assert_eq!(validator.accepts(&schema, &json(&text)), is_valid, "schema: {text}");
    }
    let imagenet = json!({ "data": { "name": "imagenet" }, "model": { "arch": "mlp" } });
    assert!(!validator.accepts(&schema, &imagenet));
    let layers = "data.name = 'digits'\n[model]\narch = 'layers'\nlayers = [{ kind = 'residual', main = [\
                  { kind = 'linear', name = 'a', outputs = 3 }] }]";
    assert!(validator.accepts(&schema, &json(layers)));
    let nameless = layers.replace("name = 'a', ", "");
    assert!(!validator.accepts(&schema, &json(&nameless)));
}

#[test]
fn an_editor_is_told_names_defaults_and_what_a_setting_is() {
    let schema = schema();
    let sgd = &schema["definitions"]["train"]["oneOf"][0]["properties"];
    assert_eq!(sgd["learning_rate"]["default"], 0.1);
    assert_eq!(sgd["epochs"]["minimum"], 1);
    assert_eq!(sgd["sampling"]["enum"], json!(["reshuffle", "replacement", "full"]));
    assert!(sgd["momentum"]["description"].as_str().unwrap().contains("mu in v"));
}
