//! Text in SVG: how wide it is, where it wraps, how it is written.

use crate::report::subscript::{Piece, pieces};

use super::escape::markup;

/// Grey of secondary text.
pub(super) const MUTED: &str = "#555";
/// Near-black of titles and names.
pub(super) const INK: &str = "#1a1a1a";

/// Where a text's anchor lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// The size of subscripts and how far below the baseline they stand, as shares of the text's size.
const SUBSCRIPT: (f64, f64) = (0.72, 0.22);

/// One line of text with its baseline at (x, y).
pub(super) fn line(
    text: &str,
    (x, y): (f64, f64),
    size: f64,
    fill: &str,
    anchor: Anchor,
) -> String {
    let anchor = match anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    format!(
        "<text x=\"{}\" y=\"{}\" font-size=\"{size}\" fill=\"{fill}\" text-anchor=\"{anchor}\">{}</text>\n",
        pixel(x),
        pixel(y),
        spans(text, size)
    )
}

/// Text with its subscripts lowered.
fn spans(text: &str, size: f64) -> String {
    let mut spans = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Plain(text) if spans.is_empty() => spans.push_str(&markup(text)),
            Piece::Plain(text) => {
                let up = pixel(-SUBSCRIPT.1 * size);
                spans.push_str(&format!("<tspan dy=\"{up}\">{}</tspan>", markup(text)));
            }
            Piece::Subscript(text) => {
                let (small, down) = (pixel(SUBSCRIPT.0 * size), pixel(SUBSCRIPT.1 * size));
                let text = markup(text);
                spans.push_str(&format!(
                    "<tspan dy=\"{down}\" font-size=\"{small}\">{text}</tspan>"
                ));
            }
        }
    }
    spans
}

/// The width of a text in pixels, estimated from the widths of classes of letters in DejaVu Sans.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let em = |c: char| match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '|' | '\'' | '!' | ' ' => 0.32,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '-' | '/' => 0.40,
        'm' | 'w' | 'M' | 'W' | '—' | '→' | '+' | '−' | '=' | '<' | '≥' => 0.86,
        'A'..='Z' => 0.70,
        _ => 0.62,
    };
    let ems = |text: &str| text.chars().map(em).sum::<f64>();
    let of = |piece: Piece<'_>| match piece {
        Piece::Plain(text) => ems(text),
        Piece::Subscript(text) => SUBSCRIPT.0 * ems(text),
    };
    pieces(text).into_iter().map(of).sum::<f64>() * size
}

/// Breaks a text into lines of at most `most` pixels, at spaces.
pub(super) fn wrap(text: &str, size: f64, most: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line, size) + width(word, size) + 0.32 * size <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A text cut to `most` pixels, with an ellipsis where it was longer.
pub(super) fn cut(text: &str, size: f64, most: f64) -> String {
    if width(text, size) <= most {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        if width(&kept, size) + 1.6 * size > most {
            break;
        }
        kept.push(c);
    }
    kept + "…"
}

/// A coordinate with two decimals at most.
pub(super) fn pixel(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_short() {
        assert_eq!(
            [pixel(1.0), pixel(0.126), pixel(-0.001), pixel(10.5)],
            ["1", "0.13", "0", "10.5"]
        );
    }

    #[test]
    fn subscripts_are_lowered_and_what_follows_is_not() {
        let svg = line("η λ_max < 2", (0.0, 0.0), 10.0, INK, Anchor::Start);
        let spans =
            "η λ<tspan dy=\"2.2\" font-size=\"7.2\">max</tspan><tspan dy=\"-2.2\"> &lt; 2</tspan>";
        assert!(svg.contains(spans), "{svg}");
        assert!(width("λ_max", 10.0) < width("λmax", 10.0));
    }

    #[test]
    fn text_is_escaped_wrapped_and_cut() {
        let svg = line("a<b", (0.0, 0.0), 10.0, INK, Anchor::Start);
        assert!(svg.contains("a&lt;b"));
        assert_eq!(wrap("one two three", 10.0, 50.0), ["one two", "three"]);
        assert!(cut(&"x".repeat(100), 10.0, 100.0).ends_with('…'));
        assert_eq!(cut("short", 10.0, 100.0), "short");
    }
}
