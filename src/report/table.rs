//! A table of the page.

use maud::{Markup, html};

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
    pub fn html(&self) -> Markup {
        html! {
            .scroll tabindex="0" {
                table {
                    caption { (self.caption) }
                    thead { tr { @for head in &self.heads { th scope="col" { (head) } } } }
                    tbody { @for row in &self.rows { tr { (cells(row)) } } }
                }
            }
            @if !self.note.is_empty() { p.note { (self.note) } }
        }
    }
}

fn cells(row: &[String]) -> Markup {
    html! {
        @if let [name, cells @ ..] = row {
            th scope="row" { (name) }
            @for cell in cells { td { (cell) } }
        }
    }
}
