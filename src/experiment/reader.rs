//! Reading a TOML table key by key, keeping every problem instead of stopping at the first.

use std::fmt;

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
    const WANTED: &'static str;

    fn from_toml(value: &Value) -> Option<Self>;
}

impl FromToml for String {
    const WANTED: &'static str = "must be text in quotes";

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl FromToml for bool {
    const WANTED: &'static str = "must be true or false";

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_bool()
    }
}

impl FromToml for f64 {
    const WANTED: &'static str = "must be a number";

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_float().or_else(|| value.as_integer().map(|integer| integer as f64))
    }
}

impl FromToml for u64 {
    const WANTED: &'static str = "must be a whole number, 0 or more";

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_integer()?.try_into().ok()
    }
}

impl FromToml for usize {
    const WANTED: &'static str = u64::WANTED;

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_integer()?.try_into().ok()
    }
}

impl<T: FromToml> FromToml for Vec<T> {
    const WANTED: &'static str = "must be a list of numbers such as [1, 2]";

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(T::from_toml).collect()
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
            self.problem(key, Some(&value), T::WANTED);
        }
        read
    }

    /// The value, or the default; `valid` judges it and `remedy` says what it asks for.
    pub(super) fn checked<T: FromToml>(
        &mut self,
        key: &'static str,
        default: T,
        valid: impl Fn(&T) -> bool,
        remedy: &str,
    ) -> T {
        let Some(value) = self.take(key) else { return default };
        let read = T::from_toml(&value);
        let remedy = if read.is_none() { T::WANTED } else { remedy };
        if !read.as_ref().is_some_and(valid) {
            self.problem(key, Some(&value), remedy);
        }
        read.unwrap_or(default)
    }

    /// A whole number of at least 1.
    pub(super) fn positive(&mut self, key: &'static str, default: usize) -> usize {
        let value = self.optional(key).unwrap_or(default);
        if value == 0 {
            self.problem(key, Some(&Value::Integer(0)), "must be at least 1");
        }
        value
    }

    /// One of the names of a choice, or the default; a missing key without default is a problem.
    pub(super) fn choice<C: Choice>(&mut self, key: &'static str, default: Option<C>) -> C {
        self.known_choice(key, default).or(default).unwrap_or(C::ALL[0].1)
    }

    /// As [`Section::choice`], but none where there is a problem.
    pub(super) fn known_choice<C: Choice>(
        &mut self,
        key: &'static str,
        default: Option<C>,
    ) -> Option<C> {
        let names: Vec<_> = C::ALL.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        let Some(value) = self.take(key) else {
            if default.is_none() {
                self.problem(key, None, &format!("is missing; one of: {names}"));
            }
            return default;
        };
        let found = C::ALL.iter().find(|(name, _)| value.as_str() == Some(name));
        if found.is_none() {
            self.problem(key, Some(&value), &format!("must be one of: {names}"));
        }
        found.map(|(_, choice)| *choice)
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
