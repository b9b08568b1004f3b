//! Where in a file a network's parameters lie.
//!
//! Programs save a network inside something larger: `{"state_dict": ...}`, `{"model": ...}` beside an
//! optimizer, names that begin with `module.` (DataParallel) or `_orig_mod.` (a compiled network).
//! All of that is a prefix of the names, and it is found by the names that the network has: no list
//! of usual keys is needed, and no name of a network is mistaken for a wrapper.

use std::collections::{BTreeMap, BTreeSet};

use super::StateDictError;

/// The prefix under which `names` holds most of the `wanted` names; empty if none holds half of them.
///
/// # Errors
/// Two prefixes hold equally many, as in a file with a network and its running average.
pub(super) fn find_prefix<'a>(
    wanted: &BTreeSet<&str>,
    names: impl Iterator<Item = &'a String>,
) -> Result<&'a str, StateDictError> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for name in names {
        let starts = name.match_indices('.').map(|(dot, _)| dot + 1);
        for start in std::iter::once(0).chain(starts) {
            let (prefix, rest) = name.split_at(start);
            if wanted.contains(rest) {
                *counts.entry(prefix).or_default() += 1;
            }
        }
    }
    let most = counts.values().copied().max().unwrap_or(0);
    // Of another network a few names may agree by chance.
    let best: Vec<&str> = counts
        .into_iter()
        .filter(|(_, count)| *count == most && 2 * count > wanted.len())
        .map(|(prefix, _)| prefix)
        .collect();
    match best[..] {
        [] => Ok(""),
        [prefix] => Ok(prefix),
        _ => Err(StateDictError::new(vec![format!(
            "  it holds several networks with these parameters, under `{}`; save the one to measure",
            best.join("`, `")
        )])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str]) -> Result<String, StateDictError> {
        let wanted = BTreeSet::from(["fc1.weight", "fc1.bias", "module.fc.bias"]);
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        find_prefix(&wanted, names.iter()).map(str::to_owned)
    }

    #[test]
    fn the_names_of_the_network_decide() -> Result<(), StateDictError> {
        assert_eq!(found(&["fc1.weight", "fc1.bias", "module.fc.bias"])?, "");
        assert_eq!(found(&["module.fc1.weight", "module.fc1.bias", "n_averaged"])?, "module.");
        let nested =
            ["model._orig_mod.fc1.weight", "model._orig_mod.fc1.bias", "optimizer.fc1.bias"];
        assert_eq!(found(&nested)?, "model._orig_mod.");
        assert_eq!(found(&["state.0.momentum_buffer"])?, "");
        assert_eq!(found(&["block1.fc1.bias", "block2.fc1.bias"])?, "");
        Ok(())
    }

    #[test]
    fn two_networks_in_one_file_are_refused() {
        let message =
            found(&["ema.fc1.weight", "ema.fc1.bias", "model.fc1.weight", "model.fc1.bias"])
                .err()
                .map(|e| e.to_string());
        assert!(message.is_some_and(|text| text.contains("`ema.`, `model.`")));
    }
}
