//! Text as LaTeX: what has a meaning there is escaped, symbols become those of mathematics.

use crate::report::subscript::{Piece, pieces};

/// Symbols that need mathematics, and what they are there.
const MATHEMATICS: &[(char, &str)] = &[
    ('−', "-"),
    ('±', r"\pm "),
    ('×', r"\times "),
    ('·', r"\cdot "),
    ('≤', r"\le "),
    ('≥', r"\ge "),
    ('≈', r"\approx "),
    ('<', "<"),
    ('>', ">"),
    ('|', "|"),
    ('→', r"\to "),
    ('√', r"\surd "),
    ('‖', r"\|"),
    ('∇', r"\nabla "),
    ('α', r"\alpha "),
    ('β', r"\beta "),
    ('η', r"\eta "),
    ('θ', r"\theta "),
    ('λ', r"\lambda "),
    ('σ', r"\sigma "),
    ('Δ', r"\Delta "),
    ('₀', "_0"),
    ('ₜ', "_t"),
    ('⁻', "{}^-"),
    ('⁰', "{}^0"),
    ('¹', "{}^1"),
    ('²', "{}^2"),
    ('³', "{}^3"),
    ('⁴', "{}^4"),
    ('⁵', "{}^5"),
    ('⁶', "{}^6"),
    ('⁷', "{}^7"),
    ('⁸', "{}^8"),
    ('⁹', "{}^9"),
];

/// Signs that text has another way to write.
const TEXT: &[(char, &str)] = &[
    ('\\', r"\textbackslash{}"),
    ('~', r"\textasciitilde{}"),
    ('^', r"\textasciicircum{}"),
    ('\u{202f}', r"\,"),
    ('\u{2009}', r"\,"),
    ('\u{a0}', "~"),
    ('–', "--"),
    ('—', "---"),
    ('…', r"\ldots{}"),
    ('‘', "`"),
    ('’', "'"),
    ('“', "``"),
    ('”', "''"),
    ('"', "''"),
];

/// A text to put between braces: whatever it says, it is words there.
pub(super) fn latex(text: &str) -> String {
    let mut latex = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Plain(text) => text.chars().for_each(|c| character(&mut latex, c)),
            Piece::Subscript(text) => {
                // The symbol that it belongs to is of mathematics, a Latin letter too.
                if latex.ends_with(|c: char| c.is_ascii_alphabetic())
                    && let Some(letter) = latex.pop()
                {
                    formula(&mut latex, &letter.to_string());
                }
                formula(&mut latex, &format!(r"_{{\mathrm{{{text}}}}}"));
            }
        }
    }
    latex
}

fn character(latex: &mut String, c: char) {
    let known = |table: &[(char, &'static str)]| {
        table.iter().find(|(symbol, _)| *symbol == c).map(|(_, text)| *text)
    };
    if let Some(symbol) = known(MATHEMATICS) {
        formula(latex, symbol);
    } else if let Some(text) = known(TEXT) {
        latex.push_str(text);
    } else if "{}$&#_%".contains(c) {
        latex.extend(['\\', c]);
    } else {
        latex.push(if c.is_control() { ' ' } else { c });
    }
}

/// Adds a symbol to the formula that the text ends with, or as one of its own.
fn formula(latex: &mut String, symbol: &str) {
    if latex.ends_with('$') && !latex.ends_with(r"\$") {
        latex.pop();
    } else {
        latex.push('$');
    }
    latex.push_str(symbol);
    latex.push('$');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_a_command() {
        assert_eq!(latex("$η"), r"\$$\eta $");
        assert_eq!(latex("100 % of a_b & #1 {x}$"), r"100 \% of a\_b \& \#1 \{x\}\$");
        assert_eq!(
            latex("\\input{~/x^2}\n%"),
            r"\textbackslash{}input\{\textasciitilde{}/x\textasciicircum{}2\} \%"
        );
    }

    #[test]
    fn symbols_are_formulas() {
        assert_eq!(latex("η λ_max"), r"$\eta $ $\lambda _{\mathrm{max}}$");
        assert_eq!(latex("u·H_B u"), r"u$\cdot H_{\mathrm{B}}$ u");
        assert_eq!(latex("‖θₜ − θ₀‖"), r"$\|\theta _t$ $-$ $\theta _0\|$");
        assert_eq!(
            latex("45\u{202f}000 “nats” – 1.5·10⁻³"),
            r"45\,000 ``nats'' -- 1.5$\cdot $10${}^-{}^3$"
        );
    }
}
