//! The JSON Schema of experiments, for editors.
//!
//! It is made of what the reader asks for: experiments of every kind are read, and each key that a
//! section was asked for is a property. So there is no second list of keys, types and defaults. What
//! depends on several settings at once is left to the reader.

use serde_json::{Map, Value as Json, json};
use toml::Table;

use super::descriptions::description;
use super::measures::MeasureKind;
use super::optimizer::OptimizerName;
use super::rate_schedule::RateCourseName;
use super::read::experiment;
use super::reader::{Asked, Notes};
use super::{Arch, LayerKind};
use crate::choice::Choice;

/// The schema (JSON Schema, draft 7) of an experiment file.
pub fn json_schema() -> Json {
    let mut schema = object("", "");
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema["title"] = "losswalk experiment".into();
    // The settings of the certified mode are among those of a line; the reader knows when they apply.
    let measure = |kind: &str| format!("measure = [{{ kind = '{kind}', mode = 'certified' }}]");
    let layer =
        |kind: &str| format!("model = {{ arch = 'layers', layers = [{{ kind = '{kind}' }}] }}");
    let schedule = |kind: &str| format!("train.schedule.kind = '{kind}'");
    schema["definitions"] = json!({
        "data": object("data", ""),
        "model": variants::<Arch>("model", "arch", |arch| format!("model.arch = '{arch}'")),
        "train": variants::<OptimizerName>("train", "optimizer", |name| {
            format!("train.optimizer = '{name}'")
        }),
        "schedule": variants::<RateCourseName>("train.schedule", "kind", schedule),
        "evaluation": object("evaluation", ""),
        "measure": variants::<MeasureKind>("measure[0]", "kind", measure),
        "layer": variants::<LayerKind>("model.layers[0]", "kind", layer),
    });
    schema
}

/// A section that has other keys for each value of one of them. `settings` chooses that value.
fn variants<C: Choice>(path: &str, key: &str, settings: impl Fn(&str) -> String) -> Json {
    let variants = C::ALL.iter().map(|(name, _)| {
        let mut variant = object(path, &settings(name));
        let property = &mut variant["properties"][key];
        property["enum"] = json!([name]);
        let is_default = property["default"] == *name;
        if !is_default && let Some(required) = variant["required"].as_array_mut() {
            required.push(key.into());
        }
        variant
    });
    json!({ "oneOf": variants.collect::<Vec<_>>() })
}

/// The section at a path of an experiment with these settings: what the reader asks of it, and what it
/// says is missing.
fn object(path: &str, settings: &str) -> Json {
    let mut notes = Notes::default();
    let table: Table = settings.parse().unwrap_or_default();
    experiment(table, "schema", &mut notes);
    let within = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    let asked = notes.sections.iter().filter(|(section, _)| section == path);
    let asked: Vec<&Asked> = asked.flat_map(|(_, asked)| asked).collect();
    let is_missing = |key: &str| {
        let key = within(key);
        notes.problems.iter().any(|problem| problem.value.is_none() && problem.key == key)
    };
    let keys = asked.iter().map(|asked| asked.key);
    let required: Vec<_> = keys.filter(|key| is_missing(key)).collect();
    let property = |asked: &&Asked| (asked.key.to_owned(), property(&within(asked.key), asked));
    let properties: Map<_, _> = asked.iter().map(property).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// A key with its description. A reference stands alone: draft 7 ignores what is beside it.
fn property(path: &str, asked: &Asked) -> Json {
    match description(path) {
        Some(text) if asked.schema.get("$ref").is_some() => {
            json!({ "description": text, "allOf": [asked.schema] })
        }
        Some(text) => {
            let mut schema = asked.schema.clone();
            schema["description"] = text.into();
            schema
        }
        None => asked.schema.clone(),
    }
}
