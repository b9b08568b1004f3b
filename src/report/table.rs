//! A table of the page.

use super::escape::markup;

/// Named rows under named columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    pub caption: String,
    /// Below the table; may be empty.
    pub note: String,
    /// The first names the column of row names.
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows. `corner` names the column of row names.
    pub fn new(caption: &str, corner: &str, heads: impl IntoIterator<Item = String>) -> Self {
        let heads = std::iter::once(corner.to_owned()).chain(heads).collect();
        Self { caption: caption.to_owned(), note: String::new(), heads, rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, name: &str, cells: impl IntoIterator<Item = String>) {
        self.rows.push(std::iter::once(name.to_owned()).chain(cells).collect());
    }

    /// The table as HTML.
    pub fn html(&self) -> String {
        let heads =
            self.heads.iter().map(|head| format!("<th scope=\"col\">{}</th>", markup(head)));
        let rows = self.rows.iter().map(|row| html_row(row));
        let note = match self.note.as_str() {
            "" => String::new(),
            note => format!("<p class=\"note\">{}</p>\n", markup(note)),
        };
        format!(
            "<div class=\"scroll\" tabindex=\"0\"><table>\n<caption>{}</caption>\n\
             <thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody></table></div>\n{note}",
            markup(&self.caption),
            heads.collect::<String>(),
            rows.collect::<String>()
        )
    }
}

fn html_row(row: &[String]) -> String {
    let cells = row.iter().enumerate().map(|(i, cell)| match i {
        0 => format!("<th scope=\"row\">{}</th>", markup(cell)),
        _ => format!("<td>{}</td>", markup(cell)),
    });
    format!("<tr>{}</tr>\n", cells.collect::<String>())
}
