//! Symbols with a subscript. Texts write them as λ_max or H_B; whoever draws them sets the subscript.

/// Symbols that may have one. After any other letter an underscore is one, as in the name of a run.
const SYMBOLS: &str = "ληθHLgu";

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Plain(&'a str),
    /// Without its underscore.
    Subscript(&'a str),
}

/// A text in pieces, plain ones and subscripts in turns.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some((before, subscript, after)) = next(rest) {
        pieces.extend([Piece::Plain(before), Piece::Subscript(subscript)]);
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Plain(rest));
    }
    pieces
}

/// What stands before the first subscript, itself, and what follows.
fn next(text: &str) -> Option<(&str, &str, &str)> {
    text.match_indices('_').find_map(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + 1..]);
        let mut letters = before.chars().rev();
        let is_symbol = letters.next().is_some_and(|letter| SYMBOLS.contains(letter));
        let is_alone = !letters.next().is_some_and(|c| c.is_alphanumeric() || c == '_');
        let end = after.find(|c: char| !c.is_alphanumeric()).unwrap_or(after.len());
        (is_symbol && is_alone && end > 0).then(|| (before, &after[..end], &after[end..]))
    })
}

#[cfg(test)]
mod tests {
    use super::Piece::{Plain, Subscript};
    use super::*;

    #[test]
    fn symbols_have_subscripts_and_names_have_underscores() {
        let found = pieces("u·H_B u, λ_max");
        assert_eq!(found, [Plain("u·H"), Subscript("B"), Plain(" u, λ"), Subscript("max")]);
        for name in ["batch_size", "wide_H_1", "MLP_L", "a_b", "λ_", "_max", "B_1"] {
            assert_eq!(pieces(name), [Plain(name)]);
        }
        assert_eq!(pieces(""), []);
    }
}
