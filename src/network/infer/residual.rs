//! Residual networks: those of losswalk by their names, and those that are named as torchvision's.

use std::collections::BTreeMap;

use super::chain::{Found, layer};
use super::entries::{Kind, Module};
use super::images::Images;
use super::{InferError, Model};
use crate::network::LayerSpec;

/// The side of the images that residual networks of this kind are for; shapes do not tell.
const SIDE: usize = 32;

/// None for a file that has the names of neither.
pub(super) fn infer(modules: &[Module]) -> Result<Option<Found>, InferError> {
    if modules.iter().any(|module| module.name.starts_with("pre_clf.")) {
        return Ok(Some(own(modules)));
    }
    if modules.iter().any(|module| module.name.starts_with("layer1.0.conv1")) {
        return stages(modules).map(Some);
    }
    Ok(None)
}

fn outputs(modules: &[Module], name: &str) -> usize {
    let found = modules.iter().find(|module| module.name == name);
    match found.map(|module| module.kind) {
        Some(Kind::Convolution { outputs, .. }) => outputs,
        _ => 0,
    }
}

fn channels(modules: &[Module], name: &str) -> usize {
    let found = modules.iter().find(|module| module.name == name);
    match found.map(|module| module.kind) {
        Some(Kind::Convolution { inputs, .. }) => inputs,
        _ => 0,
    }
}

/// `resnet` or `wide-resnet`.
fn own(modules: &[Module]) -> Found {
    let blocks = modules.iter().filter(|module| module.name.ends_with(".conv2")).count() / 3;
    let batch_norm = modules.iter().any(|module| matches!(module.kind, Kind::Norm { .. }));
    let widen = outputs(modules, "pre_clf.1.conv2") / 16;
    let model = match widen {
        0 | 1 => Model::Resnet { depth: 6 * blocks + 2, batch_norm },
        _ => Model::WideResnet { depth: 6 * blocks + 4, widen, batch_norm },
    };
    let images = Images::square(SIDE, channels(modules, "pre_clf.0"));
    (model, images, vec![format!("images are {SIDE}x{SIDE} pixels")])
}

/// conv1, bn1, relu; blocks layerS.B; the mean over pixels, and a linear layer.
fn stages(modules: &[Module]) -> Result<Found, InferError> {
    let mut layers = Vec::new();
    let mut blocks: BTreeMap<(usize, usize), Vec<&Module>> = BTreeMap::new();
    let mut end = None;
    for module in modules {
        match (block(&module.name), module.kind) {
            (Some(place), _) => blocks.entry(place).or_default().push(module),
            (None, Kind::Linear { .. }) => end = Some(layer(module)),
            (None, Kind::Convolution { kernel_size, .. }) if kernel_size > 3 => {
                let problem =
                    "is followed by a max-pool of overlapping windows, which no layer has here";
                return Err(InferError::layer(&module.name, problem));
            }
            (None, Kind::Convolution { .. }) => layers.insert(0, layer(module)),
            (None, Kind::Norm { .. }) => layers.push(layer(module)),
        }
    }
    layers.push(LayerSpec::Relu);
    for ((stage, index), modules) in blocks {
        let stride = if stage > 1 && index == 0 { 2 } else { 1 };
        layers.extend([residual(&modules, stride)?, LayerSpec::Relu]);
    }
    layers.push(LayerSpec::GlobalAveragePool);
    layers.extend(end);
    let assumed = vec![
        "the first block of every stage but the first has stride 2".to_owned(),
        "relu stands behind each norm, in a block's last place behind the sum".to_owned(),
        format!("images are {SIDE}x{SIDE} pixels"),
    ];
    let images = Images::square(SIDE, channels(modules, "conv1"));
    Ok((Model::Layers { layers }, images, assumed))
}

/// Stage and number of the block that a name is in.
fn block(name: &str) -> Option<(usize, usize)> {
    let mut parts = name.strip_prefix("layer")?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// convK, bnK and relu in turn, the last without relu; beside them a convolution and a norm.
fn residual(modules: &[&Module], stride: usize) -> Result<LayerSpec, InferError> {
    let (mut main, mut shortcut) = (Vec::new(), Vec::new());
    let paths = modules.iter().filter_map(|module| {
        let mut parts = module.name.split('.').skip(2);
        let (first, second) = (parts.next()?, parts.next());
        Some((first, second.is_some(), *module))
    });
    let mut numbered: Vec<(&str, &Module)> = Vec::new();
    for (name, is_beside, module) in paths {
        if is_beside {
            shortcut.push(strided(module, stride));
        } else {
            let number = name.trim_start_matches(|c: char| !c.is_ascii_digit());
            numbered.push((number, module));
        }
    }
    let is_norm = |module: &Module| matches!(module.kind, Kind::Norm { .. });
    numbered.sort_by_key(|(number, module)| (number.parse::<usize>().ok(), is_norm(module)));
    // A bottleneck strides in its 3x3 convolution, as torchvision's do.
    let first_wide = numbered.iter().position(|(_, module)| {
        matches!(module.kind, Kind::Convolution { kernel_size, .. } if kernel_size > 1)
    });
    for (index, (number, module)) in numbered.iter().enumerate() {
        let own = if Some(index) == first_wide { stride } else { 1 };
        let is_new = index > 0 && numbered[index - 1].0 != *number;
        main.extend(is_new.then_some(LayerSpec::Relu));
        main.push(strided(module, own));
    }
    if main.is_empty() {
        let name = modules.first().map_or("", |module| module.name.as_str());
        return Err(InferError::layer(name, "is in a block without convolutions"));
    }
    Ok(LayerSpec::Residual { stem: Vec::new(), main, shortcut })
}

fn strided(module: &Module, stride: usize) -> LayerSpec {
    match layer(module) {
        LayerSpec::Convolution { name, outputs, kernel_size, bias, .. } => {
            LayerSpec::Convolution { name, outputs, kernel_size, stride, bias }
        }
        other => other,
    }
}
