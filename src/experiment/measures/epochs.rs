//! Choices of epochs, and of iterations within one.

use std::collections::BTreeSet;

use serde::ser::{Serialize, Serializer};
use serde_json::{Value as Json, json};
use toml::Value;

use crate::experiment::Train;
use crate::experiment::reader::{FromToml, Section};

/// A choice of epochs.
#[derive(Debug, Clone, PartialEq)]
pub enum Epochs {
    /// Every one.
    All,
    /// These.
    These(BTreeSet<u64>),
}

/// A choice of iterations within an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Iterations {
    /// Every one.
    All,
    /// The first so many.
    First(u64),
}

impl Epochs {
    /// True if the epoch is one of them.
    pub fn contains(&self, epoch: u64) -> bool {
        match self {
            Self::All => true,
            Self::These(epochs) => epochs.contains(&epoch),
        }
    }

    /// How many of the epochs before `end` they are, of all from `first` on.
    pub fn count(&self, first: u64, end: u64) -> u64 {
        match self {
            Self::All => end.saturating_sub(first),
            Self::These(_) if end <= first => 0,
            Self::These(epochs) => epochs.range(first..end).count() as u64,
        }
    }

    /// Reads `epochs`; the walk's are counted from `first`.
    pub(super) fn read(&mut self, section: &mut Section, first: u64, train: &Train) {
        let valid = |epochs: &Self| match epochs {
            Self::All => true,
            Self::These(these) => these.iter().all(|epoch| (first..=train.epochs).contains(epoch)),
        };
        let remedy = format!("epochs run from {first} to train.epochs = {}", train.epochs);
        section.read_valid("epochs", self, valid, &remedy);
    }
}

impl Iterations {
    /// True if the iteration, counted from 0, is one of them.
    pub fn contains(self, iteration: u64) -> bool {
        match self {
            Self::All => true,
            Self::First(count) => iteration < count,
        }
    }

    /// How many of the first `steps` iterations of an epoch they are.
    pub fn count(self, steps: u64) -> u64 {
        match self {
            Self::All => steps,
            Self::First(count) => count.min(steps),
        }
    }
}

impl Serialize for Epochs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::These(epochs) => epochs.serialize(serializer),
        }
    }
}

impl Serialize for Iterations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::First(count) => count.serialize(serializer),
        }
    }
}

impl FromToml for Epochs {
    fn wanted() -> String {
        format!("{}, or \"all\"", Vec::<u64>::wanted())
    }

    fn from_toml(value: &Value) -> Option<Self> {
        if value.as_str() == Some("all") {
            return Some(Self::All);
        }
        Vec::from_toml(value).map(|epochs| Self::These(epochs.into_iter().collect()))
    }

    fn schema() -> Json {
        json!({ "oneOf": [{ "const": "all" }, Vec::<u64>::schema()] })
    }
}

impl FromToml for Iterations {
    fn wanted() -> String {
        format!("{}, or \"all\"", u64::wanted())
    }

    fn from_toml(value: &Value) -> Option<Self> {
        if value.as_str() == Some("all") {
            return Some(Self::All);
        }
        u64::from_toml(value).map(Self::First)
    }

    fn schema() -> Json {
        json!({ "oneOf": [{ "const": "all" }, u64::schema()] })
    }
}
