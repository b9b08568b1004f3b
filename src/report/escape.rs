//! Text from outside, made safe for the place it is put.

/// Escapes text for the content and the attributes of HTML and SVG. Characters that XML forbids become
/// U+FFFD.
pub(super) fn markup(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | '\r' => escaped.push(' '),
            '\u{0}'..'\u{20}' | '\u{7f}'..'\u{a0}' | '\u{fffe}' | '\u{ffff}' => {
                escaped.push('\u{fffd}')
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

/// Makes JSON safe inside a `<script>` element: no `<` can start a tag there. JSON has `<` in strings
/// only, where the escape means the same.
pub(super) fn json_in_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_cannot_leave_its_place() {
        assert_eq!(markup("a<b> & \"c\" 'd'"), "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;");
        assert_eq!(markup("tab\tbell\u{7}"), "tab bell\u{fffd}");
    }

    #[test]
    fn json_cannot_close_its_script_and_keeps_its_meaning() -> Result<(), serde_json::Error> {
        let name = "</script><script>alert(1)</script><!--";
        let safe = json_in_script(&serde_json::to_string(name)?);
        assert!(!safe.contains('<'));
        assert_eq!(serde_json::from_str::<String>(&safe)?, name);
        Ok(())
    }
}
