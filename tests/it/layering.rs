//! Imports run one way: along the arrow that `CONTRIBUTING.md` draws.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules in the order of the arrow: each may import those before it.
fn arrow() -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let text = fs::read_to_string("CONTRIBUTING.md")?;
    let start = text.find("choice ->").ok_or("no arrow in CONTRIBUTING.md")?;
    let drawn = text[start..].split("```").next().unwrap_or_default();
    Ok(drawn.split("->").map(|module| module.trim().to_owned()).collect())
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>, std::io::Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}

/// The module at the root that a source file belongs to.
fn module(path: &Path) -> Option<&str> {
    let name = path.strip_prefix("src").ok()?.iter().next()?.to_str()?;
    Some(name.trim_end_matches(".rs"))
}

/// The modules that a source file names as `crate::module`, tests left out.
fn imports(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.split("crate::").skip(1).map(|rest| {
        let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
        rest.split(|letter| !is_name(letter)).next().unwrap_or_default()
    })
}

#[test]
fn no_module_imports_one_above_it() -> Result<(), Box<dyn std::error::Error>> {
    let arrow = arrow()?;
    let place = |name: &str| arrow.iter().position(|module| module == name);
    let mut upwards = Vec::new();
    for path in sources(Path::new("src"))? {
        let Some(own) = module(&path).filter(|name| !["lib", "main"].contains(name)) else {
            continue;
        };
        let own_place = place(own).ok_or_else(|| format!("{own} is not on the arrow"))?;
        let text = fs::read_to_string(&path)?;
        for import in imports(&text).filter(|import| place(import).is_none_or(|p| p > own_place)) {
            upwards.push(format!("{} imports {import}", path.display()));
        }
    }
    assert!(upwards.is_empty(), "{}", upwards.join("\n"));
    Ok(())
}
