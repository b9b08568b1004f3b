//! Values that are one of a few, each with the name that files give it.

/// A type whose every value has a name.
pub trait Choice: Copy + PartialEq + 'static {
    /// Every name with its value.
    const ALL: &'static [(&'static str, Self)];

    /// The value of this name.
    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// The name of this value.
    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, value)| *value == self).map_or("", |(name, _)| name)
    }
}

/// The one of some names that a mistyped one was meant to be: another case, a beginning, or a slip in
/// every third letter (Damerau & Levenshtein); none if nothing is that near.
pub(crate) fn similar<'a>(name: &str, among: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let slips = |known: &&str| match known.starts_with(&name) && name.len() > 2 {
        true => 0,
        false => strsim::damerau_levenshtein(&name, known),
    };
    let nearest = among.into_iter().min_by_key(slips)?;
    (slips(&nearest) <= name.len() / 3).then_some(nearest)
}

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant),+
        }

        impl $crate::choice::Choice for $name {
            const ALL: &'static [(&'static str, Self)] = &[$(($text, Self::$variant)),+];
        }
    };
}

pub(crate) use choice;

#[cfg(test)]
mod tests {
    use super::similar;

    #[test]
    fn a_slip_is_seen_through_and_another_word_is_not() {
        let names = ["epochs", "epsilon", "learning_rate", "batch_size", "convolution", "vgg11"];
        for (name, meant) in [
            ("learnin_rate", Some("learning_rate")),
            ("batchsize", Some("batch_size")),
            ("epcohs", Some("epochs")),
            ("VGG11", Some("vgg11")),
            ("conv", Some("convolution")),
            ("rate", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(similar(name, names), meant, "{name}");
        }
    }
}
