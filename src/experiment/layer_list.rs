//! `model.layers`: a network of one's own, layer by layer.

use std::collections::BTreeSet;

use serde_json::json;
use toml::Value;

use super::LayerKind;
use super::reader::Section;
use crate::network::LayerSpec;

/// The most channels or units that one layer can have.
const MOST_OUTPUTS: usize = 1_000_000;
/// The largest kernel of a convolution.
const LARGEST_KERNEL: usize = 99;

/// Reads `layers` of a section.
pub(super) fn read_layers(section: &mut Section) -> Vec<LayerSpec> {
    section.require("layers");
    read_list(section, "layers", &mut BTreeSet::new())
}

/// Reads a list of layers; `names` are those of all layers so far.
fn read_list(
    section: &mut Section,
    key: &'static str,
    names: &mut BTreeSet<String>,
) -> Vec<LayerSpec> {
    let schema = json!({ "type": "array", "items": { "$ref": "#/definitions/layer" } });
    let entries = match section.take(key, schema) {
        None => Vec::new(),
        Some(Value::Array(entries)) => entries,
        Some(value) => {
            section.problem(key, Some(&value), "must be a list such as [{ kind = \"relu\" }]");
            Vec::new()
        }
    };
    let layers = entries.into_iter().enumerate().filter_map(|(index, entry)| {
        let place = format!("{key}[{index}]");
        if let Value::Table(table) = entry {
            return read_layer(section.child(&place, table), names);
        }
        section.problem(&place, Some(&entry), "must be a layer such as { kind = \"relu\" }");
        None
    });
    layers.collect()
}

/// Reads one layer; of an unknown kind, nothing else is judged.
fn read_layer(mut section: Section, names: &mut BTreeSet<String>) -> Option<LayerSpec> {
    let layer = match section.known_choice("kind")? {
        LayerKind::Convolution => LayerSpec::Convolution {
            name: read_name(&mut section, names),
            outputs: read_outputs(&mut section),
            kernel_size: section.checked(
                "kernel_size",
                3,
                |size: &usize| size % 2 == 1 && *size <= LARGEST_KERNEL,
                &format!("must be an odd number up to {LARGEST_KERNEL}, such as 1 or 3"),
            ),
            stride: section.positive("stride", 1),
            bias: section.optional("bias").unwrap_or(true),
        },
        LayerKind::BatchNorm => LayerSpec::BatchNorm { name: read_name(&mut section, names) },
        LayerKind::Linear => LayerSpec::Linear {
            name: read_name(&mut section, names),
            outputs: read_outputs(&mut section),
        },
        LayerKind::Relu => LayerSpec::Relu,
        LayerKind::Tanh => LayerSpec::Tanh,
        LayerKind::Gelu => LayerSpec::Gelu,
        LayerKind::Softplus => LayerSpec::Softplus,
        LayerKind::MaxPool => LayerSpec::MaxPool { size: section.positive("size", 2) },
        LayerKind::GlobalAveragePool => LayerSpec::GlobalAveragePool,
        LayerKind::Residual => {
            section.require("main");
            LayerSpec::Residual {
                stem: read_list(&mut section, "stem", names),
                main: read_list(&mut section, "main", names),
                shortcut: read_list(&mut section, "shortcut", names),
            }
        }
    };
    section.finish();
    Some(layer)
}

fn read_name(section: &mut Section, names: &mut BTreeSet<String>) -> String {
    section.require("name");
    let Some(name) = section.optional::<String>("name") else { return String::new() };
    let value = Value::from(name.clone());
    if name.is_empty() {
        section.problem("name", Some(&value), "must not be empty: parameters are named after it");
    } else if !names.insert(name.clone()) {
        section.problem("name", Some(&value), "another layer has this name; names must differ");
    }
    name
}

fn read_outputs(section: &mut Section) -> usize {
    section.require("outputs");
    let remedy = format!("must be a number from 1 to {MOST_OUTPUTS}");
    section.checked("outputs", 1, |outputs| (1..=MOST_OUTPUTS).contains(outputs), &remedy)
}

#[cfg(test)]
mod tests {
    use crate::experiment::{ExperimentError, parse};

    const HEAD: &str = "[data]\nname = 'digits'\n[model]\narch = 'layers'\n";

    #[test]
    fn a_list_is_written_out_and_reads_back_as_the_same_experiment() -> Result<(), anyhow::Error> {
        let layers = "layers = [{ kind = 'convolution', name = 'a', outputs = 4, bias = false },\n\
             { kind = 'residual', stem = [{ kind = 'tanh' }], main = [\n\
               { kind = 'residual', main = [{ kind = 'batch-norm', name = 'n' }] },\n\
               { kind = 'convolution', name = 'b', outputs = 8, stride = 2 }],\n\
               shortcut = [{ kind = 'convolution', name = 'c', outputs = 8, kernel_size = 1,\n\
               stride = 2 }] },\n\
             { kind = 'gelu' }, { kind = 'softplus' }, { kind = 'relu' }, { kind = 'max-pool' },\n\
             { kind = 'global-average-pool' }, { kind = 'linear', name = 'd', outputs = 10 }]\n\
             [[measure]]\nkind = 'line'\n";
        let first = parse(&format!("{HEAD}{layers}"), "a.toml", "a", &[])?;
        let second = parse(&first.to_toml()?, "run.toml", "b", &[])?;
        assert_eq!(first, second);
        assert!(first.has_batch_norm(), "two levels down");
        let plain = layers.replace("'batch-norm', name = 'n'", "'relu'");
        assert!(!parse(&format!("{HEAD}{plain}"), "a.toml", "a", &[])?.has_batch_norm());
        Ok(())
    }

    #[test]
    fn every_mistake_in_a_list_is_reported_with_its_place() -> Result<(), ExperimentError> {
        let text = "batch_norm = true\nlayers = [{ kind = 'conv' }, 7, { name = 'x' },\n\
             { kind = 'convolution', name = 'a', outputs = 0, kernel_size = 2, stride = 0 },\n\
             { kind = 'linear', outputs = 10, bias = false },\n\
             { kind = 'residual', main = [{ kind = 'batch-norm', name = 'a' }], shortcut = 1 },\n\
             { kind = 'residual' }, { kind = 'max-pool', size = -1 }, { kind = 'linear', name = '' }]";
        let message = parse(&format!("{HEAD}{text}"), "bad.toml", "bad", &[]).err();
        let message = message.map(|error| error.to_string()).unwrap_or_default();
        for part in [
            "bad.toml: 15 mistakes",
            "model.batch_norm = true: unknown key; valid here: arch, layers",
            "model.layers[0].kind = \"conv\": did you mean convolution? must be one of: convolution",
            "model.layers[1] = 7: must be a layer",
            "model.layers[2].kind: is missing; one of: convolution",
            "model.layers[3].outputs = 0: must be a number from 1",
            "model.layers[3].kernel_size = 2: must be an odd number",
            "model.layers[3].stride = 0: must be at least 1",
            "model.layers[4].name: is missing",
            "model.layers[4].bias = false: unknown key; valid here: kind, name, outputs",
            "model.layers[5].main[0].name = \"a\": another layer has this name",
            "model.layers[5].shortcut = 1: must be a list",
            "model.layers[6].main: is missing",
            "model.layers[7].size = -1: must be a whole number",
            "model.layers[8].name = \"\": must not be empty",
            "model.layers[8].outputs: is missing",
        ] {
            assert!(message.contains(part), "{part}\nnot in\n{message}");
        }
        let missing = parse(HEAD, "bad.toml", "bad", &[]).err().map(|error| error.to_string());
        assert!(missing.is_some_and(|text| text.contains("model.layers: is missing")));
        Ok(())
    }
}
