//! An experiment for a parameter file whose network nobody has described.

use std::path::Path;

use anyhow::Context;
use toml::Value;

use super::Exit;
use super::output::show;
use crate::network::{Inferred, Model, infer};
use crate::parameters::Tensors;

/// Prints what can be inferred from a file, and says what to do with it.
pub(super) fn show_network(file: &Path) -> anyhow::Result<Exit> {
    let inferred = infer(&Tensors::read(file)?).with_context(|| file.display().to_string())?;
    show(experiment(&inferred, file)?)?;
    eprintln!(
        "nothing is measured yet: check this, save it as network.toml, and give --model network.toml"
    );
    Ok(Exit::Done)
}

/// The sections that `--model` needs, with what is assumed as comments.
fn experiment(inferred: &Inferred, file: &Path) -> anyhow::Result<String> {
    let mut text =
        format!("# The network of {}, by its names and shapes. Assumed:\n", file.display());
    text.extend(inferred.assumed.iter().map(|assumed| format!("# - {assumed}\n")));
    let (name, remark) = match inferred.data {
        Some(name) => (name, "a guess by the sizes of image and output: say which set it was"),
        None => {
            ("npy", "no set of the catalogue fits the sizes of image and output: say which it was")
        }
    };
    text += &format!("\n[data]\nname = \"{name}\"    # {remark}\n");
    text += "# mean = [0.5]    # what Normalize was given, one number a channel\n# std = [0.5]\n";
    text += &format!("\n[model]\n{}", model(&inferred.model)?);
    if inferred.batch_norm {
        text += "\n[evaluation]\nbatch_norm = \"running\"    # as under model.eval()\n";
    }
    Ok(text.trim_end().to_owned())
}

/// A layer a line.
fn model(model: &Model) -> anyhow::Result<String> {
    let Model::Layers { layers } = model else { return Ok(toml::to_string(model)?) };
    let mut text = "arch = \"layers\"\nlayers = [\n".to_owned();
    for layer in layers {
        text += &format!("  {},\n", Value::try_from(layer)?);
    }
    Ok(text + "]\n")
}
