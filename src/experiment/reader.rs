//! Reading a TOML table key by key, keeping every problem instead of stopping at the first.

use std::fmt;
use std::path::PathBuf;

use toml::{Table, Value};

use crate::choice::Choice;

/// One mistake: the key, the value found there, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Dotted key.
    pub key: String,
    /// The value as written; none if the key is missing.
    pub value: Option<String>,
    /// What would be right.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match &self.value {
            Some(value) => write!(formatter, "{} = {value}: {}", self.key, self.remedy),
            None => write!(formatter, "{}: {}", self.key, self.remedy),
        }
    }
}

/// A value that can be read from TOML; `None` if it has another type.
pub(super) trait FromToml: Sized {
    /// What such a value looks like, for messages.
    fn wanted() -> String;

    fn from_toml(value: &Value) -> Option<Self>;
}

impl<C: Choice> FromToml for C {
    fn wanted() -> String {
        format!("must be one of: {}", names::<C>())
    }

    fn from_toml(value: &Value) -> Option<Self> {
        let found = C::ALL.iter().find(|(name, _)| value.as_str() == Some(name));
        found.map(|(_, choice)| *choice)
    }
}

fn names<C: Choice>() -> String {
    let names: Vec<_> = C::ALL.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

impl FromToml for String {
    fn wanted() -> String {
        "must be text in quotes".to_owned()
    }

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl FromToml for PathBuf {
    fn wanted() -> String {
        String::wanted()
    }

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_str().map(Self::from)
    }
}

impl FromToml for bool {
    fn wanted() -> String {
        "must be true or false".to_owned()
    }

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_bool()
    }
}

impl FromToml for f64 {
    fn wanted() -> String {
        "must be a number".to_owned()
    }

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_float().or_else(|| value.as_integer().map(|integer| integer as f64))
    }
}

impl FromToml for u64 {
    fn wanted() -> String {
        "must be a whole number, 0 or more".to_owned()
    }

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_integer()?.try_into().ok()
    }
}

impl FromToml for usize {
    fn wanted() -> String {
        u64::wanted()
    }

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_integer()?.try_into().ok()
    }
}

impl<T: FromToml> FromToml for Vec<T> {
    fn wanted() -> String {
        "must be a list of numbers such as [1, 2]".to_owned()
    }

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(T::from_toml).collect()
    }
}

/// A setting that may be left out.
impl<T: FromToml> FromToml for Option<T> {
    fn wanted() -> String {
        T::wanted()
    }

    fn from_toml(value: &Value) -> Option<Self> {
        T::from_toml(value).map(Some)
    }
}

/// One table of the file, with the problems found so far in all of it.
pub(super) struct Section<'a> {
    path: String,
    table: Table,
    valid: Vec<&'static str>,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Section<'a> {
    pub(super) fn new(
        path: impl Into<String>,
        table: Table,
        problems: &'a mut Vec<Problem>,
    ) -> Self {
        Self { path: path.into(), table, valid: Vec::new(), problems }
    }

    /// The value of a key, taken out of the table.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Value> {
        self.valid.push(key);
        self.table.remove(key)
    }

    /// The value if the key is there and of the right type.
    pub(super) fn optional<T: FromToml>(&mut self, key: &'static str) -> Option<T> {
        let value = self.take(key)?;
        let read = T::from_toml(&value);
        if read.is_none() {
            self.problem(key, Some(&value), &T::wanted());
        }
        read
    }

    /// Puts the value of a key where its default stands, which stays without one.
    pub(super) fn read<T: FromToml>(&mut self, key: &'static str, setting: &mut T) {
        self.read_valid(key, setting, |_| true, "");
    }

    /// As [`Section::read`]; `valid` judges the value, and `remedy` says what it asks for.
    pub(super) fn read_valid<T: FromToml>(
        &mut self,
        key: &'static str,
        setting: &mut T,
        valid: impl Fn(&T) -> bool,
        remedy: &str,
    ) {
        let Some(value) = self.take(key) else { return };
        match T::from_toml(&value) {
            None => self.problem(key, Some(&value), &T::wanted()),
            Some(read) => {
                if !valid(&read) {
                    self.problem(key, Some(&value), remedy);
                }
                *setting = read;
            }
        }
    }

    /// As [`Section::read`], for a whole number of at least 1.
    pub(super) fn read_positive<T: FromToml + PartialOrd + From<u8>>(
        &mut self,
        key: &'static str,
        setting: &mut T,
    ) {
        self.read_valid(key, setting, |read| *read >= T::from(1), "must be at least 1");
    }

    /// The value, or the default; `valid` judges it and `remedy` says what it asks for.
    pub(super) fn checked<T: FromToml>(
        &mut self,
        key: &'static str,
        mut default: T,
        valid: impl Fn(&T) -> bool,
        remedy: &str,
    ) -> T {
        self.read_valid(key, &mut default, valid, remedy);
        default
    }

    /// A whole number of at least 1.
    pub(super) fn positive(&mut self, key: &'static str, mut default: usize) -> usize {
        self.read_positive(key, &mut default);
        default
    }

    /// One of the names of a choice; a missing key is a problem.
    pub(super) fn known_choice<C: Choice>(&mut self, key: &'static str) -> Option<C> {
        if !self.table.contains_key(key) {
            self.problem(key, None, &format!("is missing; one of: {}", names::<C>()));
        }
        self.optional(key)
    }

    /// Complains if a key is missing.
    pub(super) fn require(&mut self, key: &str) {
        if !self.table.contains_key(key) {
            self.problem(key, None, "is missing");
        }
    }

    /// A table within this one.
    pub(super) fn child(&mut self, key: &str, table: Table) -> Section<'_> {
        Section::new(format!("{}.{key}", self.path), table, self.problems)
    }

    /// Records a problem with a key of this section.
    pub(super) fn problem(&mut self, key: &str, value: Option<&Value>, remedy: &str) {
        let key =
            if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        let value = value.map(ToString::to_string);
        self.problems.push(Problem { key, value, remedy: remedy.to_owned() });
    }

    /// Complains about every key that nobody asked for.
    pub(super) fn finish(mut self) {
        let valid = self.valid.join(", ");
        for (key, value) in std::mem::take(&mut self.table) {
            self.problem(&key, Some(&value), &format!("unknown key; valid here: {valid}"));
        }
    }
}
