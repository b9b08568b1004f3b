//! Networks that are one chain: MLPs, and convolutions with linear layers behind them.

use super::entries::{Kind, Module};
use super::images::{Images, side};
use super::{InferError, Model};
use crate::network::LayerSpec;

/// What is inferred: the network, its images, and what was assumed.
pub(super) type Found = (Model, Images, Vec<String>);

const RELU: &str = "relu stands behind every layer but the last";

pub(super) fn infer(modules: &[Module]) -> Result<Found, InferError> {
    let is_norm = |module: &&Module| matches!(module.kind, Kind::Norm { .. });
    let (norms, products): (Vec<&Module>, Vec<&Module>) = modules.iter().partition(is_norm);
    let products = in_order(products)?;
    let mut owned: Vec<Vec<&Module>> = vec![Vec::new(); products.len()];
    for norm in norms {
        owned[owner(norm, &products)?].push(norm);
    }
    let (pools, images, mut assumed) = pools(&products, &owned)?;
    assumed.insert(0, RELU.to_owned());
    let mut layers = Vec::new();
    for (index, product) in products.iter().enumerate() {
        layers.push(layer(product));
        layers.extend(owned[index].iter().map(|norm| layer(norm)));
        if index + 1 < products.len() {
            layers.push(LayerSpec::Relu);
        }
        if pools.contains(&index) {
            layers.push(LayerSpec::MaxPool { size: 2 });
        }
    }
    if let [.., _] = pools.as_slice() {
        assumed.push("max-pools of 2 stand where the list has them".to_owned());
    }
    if products.iter().any(|product| is_convolution(product)) {
        assumed.push("convolutions have stride 1 and keep the size of the image".to_owned());
    }
    Ok((Model::Layers { layers }, images, assumed))
}

/// A layer of the list.
pub(super) fn layer(module: &Module) -> LayerSpec {
    let name = module.name.clone();
    match module.kind {
        Kind::Linear { outputs, .. } => LayerSpec::Linear { name, outputs },
        Kind::Convolution { outputs, kernel_size, .. } => {
            LayerSpec::Convolution { name, outputs, kernel_size, stride: 1, bias: module.bias }
        }
        Kind::Norm { .. } => LayerSpec::BatchNorm { name },
    }
}

fn is_convolution(module: &Module) -> bool {
    matches!(module.kind, Kind::Convolution { .. })
}

/// Convolutions before linear layers, each kind as the names have it where every layer takes what the one
/// before it gives; else the one order in which it does.
fn in_order(products: Vec<&Module>) -> Result<Vec<&Module>, InferError> {
    let (mut ordered, linear): (Vec<&Module>, Vec<&Module>) =
        products.into_iter().partition(|module| is_convolution(module));
    ordered.extend(linear);
    let misfit = |all: &[&Module]| (1..all.len()).find(|&i| !takes(all[i], all[i - 1]));
    let Some(at) = misfit(&ordered) else { return Ok(ordered) };
    let follows = |module: &Module| ordered.iter().filter(|other| takes(other, module)).count();
    let starts: Vec<&Module> = ordered
        .iter()
        .filter(|module| !ordered.iter().any(|other| takes(module, other)))
        .copied()
        .collect();
    let mut chain = Vec::new();
    let mut next = (starts.len() == 1).then(|| starts[0]);
    while let Some(module) = next.filter(|_| chain.len() < ordered.len()) {
        chain.push(module);
        let is_decided = follows(module) == 1;
        next = ordered.iter().find(|other| is_decided && takes(other, module)).copied();
    }
    if chain.len() == ordered.len() && misfit(&chain).is_none() {
        return Ok(chain);
    }
    let problem = format!("does not take what `{}` before it gives", ordered[at - 1].name);
    Err(InferError::layer(&ordered[at].name, problem))
}

/// The layer fits behind the other.
fn takes(module: &Module, before: &Module) -> bool {
    match (before.kind, module.kind) {
        (Kind::Linear { outputs, .. }, Kind::Linear { inputs, .. }) => inputs == outputs,
        (Kind::Convolution { outputs, .. }, Kind::Convolution { inputs, .. }) => inputs == outputs,
        (Kind::Convolution { outputs, .. }, Kind::Linear { inputs, .. }) => inputs % outputs == 0,
        _ => false,
    }
}

/// The layer that a norm stands behind.
fn owner(norm: &Module, products: &[&Module]) -> Result<usize, InferError> {
    let Kind::Norm { channels } = norm.kind else { return Err(InferError::NoLinear) };
    let gives = |module: &Module| match module.kind {
        Kind::Linear { outputs, .. } | Kind::Convolution { outputs, .. } => outputs == channels,
        Kind::Norm { .. } => false,
    };
    let all = || (0..products.len()).filter(|&index| gives(products[index]));
    // In a Sequential the number in front; else the one of the same number (bn1 of fc1, conv1), or the
    // only one of that size.
    let found: Vec<usize> = match norm.place() {
        Some((parent, number)) => {
            let before = number.checked_sub(1).map(|number| (parent, number));
            all().filter(|&index| before.is_some() && products[index].place() == before).collect()
        }
        None => {
            let digits = |module: &Module| digits(&module.name).to_owned();
            let same: Vec<usize> =
                all().filter(|&index| digits(products[index]) == digits(norm)).collect();
            if same.len() == 1 { same } else { all().collect() }
        }
    };
    match found[..] {
        [index] => Ok(index),
        _ => Err(InferError::layer(
            &norm.name,
            format!("normalises {channels} channels, and it is not clear behind which layer"),
        )),
    }
}

/// The digits at the end of a name.
fn digits(name: &str) -> &str {
    let start = name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    &name[start..]
}

/// Indices of the products that a max-pool stands behind, the images, and what that assumes.
fn pools(
    products: &[&Module],
    owned: &[Vec<&Module>],
) -> Result<(Vec<usize>, Images, Vec<String>), InferError> {
    let convolutions = products.iter().take_while(|module| is_convolution(module)).count();
    let linear = products.get(convolutions).ok_or(InferError::NoLinear)?;
    let Kind::Linear { inputs, .. } = linear.kind else { return Err(InferError::NoLinear) };
    let Some(last) = convolutions.checked_sub(1) else {
        return Ok((Vec::new(), Images::flat(inputs), Vec::new()));
    };
    let Kind::Convolution { inputs: channels, .. } = products[0].kind else {
        return Err(InferError::NoLinear);
    };
    let gaps: Option<Vec<usize>> = (0..last)
        .map(|index| gap(products[index], owned[index].len(), products[index + 1]))
        .collect();
    // Numbers say where pools are but for the one at the end; without numbers, all or none is tried.
    let candidates = match gaps {
        Some(gaps) if gaps.iter().all(|&gap| gap <= 1) => {
            let inner: Vec<usize> = (0..last).filter(|&index| gaps[index] == 1).collect();
            [inner.clone(), [inner, vec![last]].concat()]
        }
        Some(_) => {
            let problem = "has several layers without parameters before the next convolution";
            return Err(InferError::layer(&products[0].name, problem));
        }
        None => [Vec::new(), (0..=last).collect()],
    };
    let fitting: Vec<(Vec<usize>, usize)> = candidates
        .into_iter()
        .filter_map(|pools| {
            side(products[last].kind, inputs, pools.len()).map(|side| (pools, side))
        })
        .collect();
    match &fitting[..] {
        [(pools, side)] => {
            let images = Images::square(*side, channels);
            Ok((pools.clone(), images, vec![format!("images are {side}x{side} pixels")]))
        }
        _ => Err(InferError::layer(
            &linear.name,
            format!(
                "takes {inputs} inputs, and it is not clear what lies between it and the convolutions"
            ),
        )),
    }
}

/// Layers without parameters between two of a Sequential, beside the rectifier; none if the names have
/// no numbers.
fn gap(module: &Module, norms: usize, next: &Module) -> Option<usize> {
    let ((parent, number), (other, next)) = (module.place()?, next.place()?);
    next.checked_sub(number + norms + 2).filter(|_| parent == other)
}
