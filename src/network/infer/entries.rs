//! The layers with parameters that a file has, in the order that their names suggest.

use std::collections::BTreeMap;

use super::InferError;
use crate::parameters::Tensors;

/// A layer with parameters.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Module {
    /// Prefix of its entries, without what all have in front.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) bias: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Linear { inputs: usize, outputs: usize },
    Convolution { inputs: usize, outputs: usize, kernel_size: usize },
    Norm { channels: usize },
}

impl Module {
    /// Outputs of a linear layer.
    pub(super) fn units(&self) -> Option<usize> {
        match self.kind {
            Kind::Linear { outputs, .. } => Some(outputs),
            _ => None,
        }
    }

    /// The module that this one is in, and its number there.
    pub(super) fn place(&self) -> Option<(&str, usize)> {
        let (parent, last) = self.name.rsplit_once('.').unwrap_or(("", &self.name));
        Some((parent, last.parse().ok()?))
    }
}

/// Shapes by the last part of the name.
type Parts<'f> = BTreeMap<&'f str, &'f [usize]>;

/// Every layer, sorted by name with numbers as numbers.
pub(super) fn modules(file: &Tensors) -> Result<Vec<Module>, InferError> {
    let prefix = prefix(file);
    let mut parts: BTreeMap<Vec<Part>, (&str, Parts)> = BTreeMap::new();
    for (name, (shape, _)) in &file.entries {
        let Some(own) = name.strip_prefix(&prefix) else { continue };
        let (stem, part) = own.rsplit_once('.').unwrap_or(("", own));
        let known = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"];
        if !known.contains(&part) {
            let problem = "is no weight, bias or running statistic".to_owned();
            return Err(InferError::Entry { entry: name.clone(), shape: shape.clone(), problem });
        }
        parts.entry(order(stem)).or_insert((stem, Parts::new())).1.insert(part, shape);
    }
    parts.into_values().map(|(name, parts)| module(name, &parts)).collect()
}

/// What stands in front of the names of all modules with weights, such as `state_dict.module.`.
fn prefix(file: &Tensors) -> String {
    let stems = file.entries.keys().filter_map(|name| name.strip_suffix(".weight"));
    let parents = stems.map(|stem| stem.rsplit_once('.').map_or("", |(parent, _)| parent));
    let common =
        parents.map(|parent| parent.split('.').collect::<Vec<_>>()).reduce(|one, other| {
            one.into_iter().zip(other).take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
        });
    let common = common.unwrap_or_default().join(".");
    if common.is_empty() { common } else { common + "." }
}

fn module(name: &str, parts: &Parts) -> Result<Module, InferError> {
    let bias = parts.contains_key("bias");
    let refuse = |part: &str, problem: &str| {
        let shape = parts.get(part).map(|shape| shape.to_vec()).unwrap_or_default();
        let entry = format!("{name}.{part}");
        Err(InferError::Entry { entry, shape, problem: problem.to_owned() })
    };
    let kind = match parts.get("weight").copied() {
        Some(&[outputs, inputs]) if bias => Kind::Linear { inputs, outputs },
        Some([_, _]) => return refuse("weight", "is a linear layer without a bias"),
        Some(&[outputs, inputs, height, width]) if height == width && height % 2 == 1 => {
            Kind::Convolution { inputs, outputs, kernel_size: height }
        }
        Some([_, _, _, _]) => return refuse("weight", "is no square kernel of odd size"),
        Some(&[channels]) if bias && parts.contains_key("running_mean") => Kind::Norm { channels },
        Some([_]) => return refuse("weight", "has no bias and running statistics beside it"),
        Some(_) => return refuse("weight", "is no linear layer, image convolution or batch norm"),
        None => {
            let part = parts.keys().next().copied().unwrap_or_default();
            return refuse(part, "has no weight beside it");
        }
    };
    Ok(Module { name: name.to_owned(), kind, bias })
}

/// A part of a name; numbers sort by value.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(u64),
    Text(String),
}

fn order(name: &str) -> Vec<Part> {
    let is_digit = |c: char| c.is_ascii_digit();
    let mut parts = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| is_digit(c) != is_digit(first)).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        let text = || Part::Text(part.to_owned());
        parts.push(part.parse().map_or_else(|_| text(), Part::Number));
        rest = after;
    }
    parts
}
