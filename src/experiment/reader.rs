//! Reading a TOML table key by key, keeping every problem instead of stopping at the first.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Value as Json, json};
use toml::{Table, Value};

use crate::choice::{Choice, similar};

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

/// What reading an experiment finds: its mistakes, and the keys that it can have.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub problems: Vec<Problem>,
    /// The dotted path of each section that was read, and the keys that it was asked for.
    pub sections: Vec<(String, Vec<Asked>)>,
}

/// A key that a section can have.
#[derive(Debug)]
pub(super) struct Asked {
    pub key: &'static str,
    /// What its value looks like, in JSON Schema.
    pub schema: Json,
}

/// A value that can be read from TOML; `None` if it has another type. Written as JSON, it is a default
/// in the schema.
pub(super) trait FromToml: Sized + Serialize {
    /// What such a value looks like, for messages.
    fn wanted() -> String;

    fn from_toml(value: &Value) -> Option<Self>;

    /// The type in JSON Schema.
    fn schema() -> Json;

    /// What to do about a value of another type.
    fn remedy(_found: &Value) -> String {
        Self::wanted()
    }
}

/// A remedy behind the question whether a similar name was meant.
pub(super) fn suggesting<'a>(
    found: &str,
    names: impl IntoIterator<Item = &'a str>,
    remedy: &str,
) -> String {
    let meant = similar(found, names).map(|name| format!("did you mean {name}? "));
    meant.unwrap_or_default() + remedy
}

impl<C: Choice + Serialize> FromToml for C {
    fn wanted() -> String {
        format!("must be one of: {}", names::<C>())
    }

    fn from_toml(value: &Value) -> Option<Self> {
        let found = C::ALL.iter().find(|(name, _)| value.as_str() == Some(name));
        found.map(|(_, choice)| *choice)
    }

    fn schema() -> Json {
        json!({ "enum": C::ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>() })
    }

    fn remedy(found: &Value) -> String {
        let names = C::ALL.iter().map(|(name, _)| *name);
        suggesting(found.as_str().unwrap_or_default(), names, &Self::wanted())
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

    fn schema() -> Json {
        json!({ "type": "string" })
    }
}

impl FromToml for PathBuf {
    fn wanted() -> String {
        String::wanted()
    }

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_str().map(Self::from)
    }

    fn schema() -> Json {
        String::schema()
    }
}

impl FromToml for bool {
    fn wanted() -> String {
        "must be true or false".to_owned()
    }

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_bool()
    }

    fn schema() -> Json {
        json!({ "type": "boolean" })
    }
}

impl FromToml for f64 {
    fn wanted() -> String {
        "must be a number".to_owned()
    }

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_float().or_else(|| value.as_integer().map(|integer| integer as f64))
    }

    fn schema() -> Json {
        json!({ "type": "number" })
    }
}

impl FromToml for u64 {
    fn wanted() -> String {
        "must be a whole number, 0 or more".to_owned()
    }

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_integer()?.try_into().ok()
    }

    fn schema() -> Json {
        json!({ "type": "integer", "minimum": 0 })
    }
}

impl FromToml for usize {
    fn wanted() -> String {
        u64::wanted()
    }

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_integer()?.try_into().ok()
    }

    fn schema() -> Json {
        u64::schema()
    }
}

impl<T: FromToml> FromToml for Vec<T> {
    fn wanted() -> String {
        "must be a list of numbers such as [1, 2]".to_owned()
    }

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(T::from_toml).collect()
    }

    fn schema() -> Json {
        json!({ "type": "array", "items": T::schema() })
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

    fn schema() -> Json {
        T::schema()
    }

    fn remedy(found: &Value) -> String {
        T::remedy(found)
    }
}

/// One table of the file, with what was found so far in all of it.
pub(super) struct Section<'a> {
    path: String,
    table: Table,
    asked: Vec<Asked>,
    notes: &'a mut Notes,
}

impl<'a> Section<'a> {
    pub(super) fn new(path: impl Into<String>, table: Table, notes: &'a mut Notes) -> Self {
        Self { path: path.into(), table, asked: Vec::new(), notes }
    }

    /// The value of a key, taken out of the table; the schema says what it looks like.
    pub(super) fn take(&mut self, key: &'static str, schema: Json) -> Option<Value> {
        self.asked.push(Asked { key, schema });
        self.table.remove(key)
    }

    /// The value if the key is there and of the right type.
    pub(super) fn optional<T: FromToml>(&mut self, key: &'static str) -> Option<T> {
        let value = self.take(key, T::schema())?;
        let read = T::from_toml(&value);
        if read.is_none() {
            self.problem(key, Some(&value), &T::remedy(&value));
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
        let Some(value) = self.take(key, with_default(T::schema(), setting)) else { return };
        match T::from_toml(&value) {
            None => self.problem(key, Some(&value), &T::remedy(&value)),
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
        if let Some(asked) = self.asked.last_mut() {
            asked.schema["minimum"] = 1.into();
        }
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
    pub(super) fn known_choice<C: Choice + Serialize>(&mut self, key: &'static str) -> Option<C> {
        self.known(key, &format!("one of: {}", names::<C>()))
    }

    /// The value of a key; if that is missing, a problem with what can stand there.
    pub(super) fn known<T: FromToml>(&mut self, key: &'static str, valid: &str) -> Option<T> {
        if !self.table.contains_key(key) {
            self.problem(key, None, &format!("is missing; {valid}"));
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
        Section::new(format!("{}.{key}", self.path), table, self.notes)
    }

    /// Records a problem with a key of this section.
    pub(super) fn problem(&mut self, key: &str, value: Option<&Value>, remedy: &str) {
        let key =
            if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        let value = value.map(ToString::to_string);
        self.notes.problems.push(Problem { key, value, remedy: remedy.to_owned() });
    }

    /// Complains about every key that nobody asked for.
    pub(super) fn finish(mut self) {
        let valid: Vec<_> = self.asked.iter().map(|asked| asked.key).collect();
        let remedy = format!("valid here: {}", valid.join(", "));
        for (key, value) in std::mem::take(&mut self.table) {
            let remedy = suggesting(&key, valid.iter().copied(), &remedy);
            self.problem(&key, Some(&value), &format!("unknown key; {remedy}"));
        }
        self.notes.sections.push((self.path, self.asked));
    }
}

fn with_default(mut schema: Json, default: &impl Serialize) -> Json {
    if let Ok(default) = serde_json::to_value(default)
        && !default.is_null()
    {
        schema["default"] = default;
    }
    schema
}
