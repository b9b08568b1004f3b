//! The file around a page: its objects, and where each begins (ISO 32000-1, 7.5).

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use resvg::usvg::{Transform, Tree};

use super::content::Content;

/// Points of a pixel of CSS, which is 1/96 inch.
const POINTS: f32 = 0.75;

/// A tree as the only page of a PDF file, of the tree's size. Equal trees give equal bytes: there is no
/// date.
///
/// # Errors
/// What the tree has that cannot be written: images, masks, filters, gradients, patterns and groups
/// blended as a whole, none of which a figure has.
pub(in crate::report) fn pdf(tree: &Tree, title: &str) -> Result<Vec<u8>, String> {
    let (width, height) = (tree.size().width() * POINTS, tree.size().height() * POINTS);
    let mut content = Content::default();
    // PDF's y goes up.
    let upright = Transform::from_row(POINTS, 0.0, 0.0, -POINTS, 0.0, height);
    content.draw(tree.root(), upright).map_err(|what| format!("it has {what}"))?;
    let states: String = content
        .opacities
        .iter()
        .map(|&thousandths| {
            let share = f64::from(thousandths) / 1000.0;
            format!("/O{thousandths} << /CA {share} /ca {share} >> ")
        })
        .collect();
    let page = format!(
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Contents 4 0 R \
         /Resources << /ExtGState << {states}>> >> >>"
    );
    let objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        page.into_bytes(),
        stream(content.operators.as_bytes()).map_err(|error| error.to_string())?,
        format!("<< /Producer (losswalk) /Title <{}> >>", utf_16(title)).into_bytes(),
    ];
    Ok(file(&objects))
}

/// Data, compressed.
fn stream(data: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data)?;
    let compressed = encoder.finish()?;
    let head = format!("<< /Length {} /Filter /FlateDecode >>\nstream\n", compressed.len());
    Ok([head.as_bytes(), &compressed, b"\nendstream"].concat())
}

/// In hexadecimal digits, with the mark that says so in front.
fn utf_16(text: &str) -> String {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.map(|unit| format!("{unit:04X}")).collect()
}

/// Objects numbered from 1, of which the first is the catalogue and the last tells of the document, and
/// the table of their places.
fn file(objects: &[Vec<u8>]) -> Vec<u8> {
    // Bytes beyond ASCII say that the file is not text.
    let mut file = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (i, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", file.len()));
        file.extend(format!("{} 0 obj\n", i + 1).into_bytes());
        file.extend_from_slice(object);
        file.extend_from_slice(b"\nendobj\n");
    }
    let (size, start) = (objects.len() + 1, file.len());
    let trailer = format!(
        "{table}trailer\n<< /Size {size} /Root 1 0 R /Info {} 0 R >>\nstartxref\n{start}\n%%EOF\n",
        objects.len()
    );
    file.extend(trailer.into_bytes());
    file
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::ZlibDecoder;

    use super::*;
    use crate::report::fixture::TestError;
    use crate::report::png::Rasteriser;

    fn tree(content: &str) -> Result<Tree, TestError> {
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"234pt\" height=\"10.125pt\" \
             viewBox=\"0 0 312 13.5\">{content}</svg>"
        );
        Ok(Rasteriser::new().tree(&svg, "test")?)
    }

    /// The operators of the page.
    fn operators(pdf: &[u8]) -> Result<String, TestError> {
        let find = |mark: &[u8]| pdf.windows(mark.len()).position(|window| window == mark);
        let (start, end) = (find(b"stream\n").ok_or("start")?, find(b"\nendstream").ok_or("end")?);
        let mut text = String::new();
        ZlibDecoder::new(&pdf[start + 7..end]).read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn a_page_has_the_size_and_the_paths_of_its_tree() -> Result<(), TestError> {
        let tree = tree(
            "<clipPath id=\"c\"><rect width=\"9\" height=\"9\"/></clipPath>\
             <g clip-path=\"url(#c)\"><path d=\"M0,0Q3,3 6,0h0\" fill=\"none\" stroke=\"#f00\" \
             stroke-width=\"2\" stroke-dasharray=\"5 3.5\" stroke-opacity=\"0.35\"/></g>\
             <path d=\"M1,2h3v4z\" fill=\"#00f\"/>",
        )?;
        let pdf = pdf(&tree, "θ")?;
        let file = String::from_utf8_lossy(&pdf);
        assert!(file.contains("/MediaBox [0 0 234 10.125]") && file.contains("/Title <FEFF03B8>"));
        assert!(file.contains("/O350 << /CA 0.35 /ca 0.35 >>"));
        let text = operators(&pdf)?;
        // A quarter more for each pixel of the drawing, and y from the top.
        for operator in [
            "0.75 0 0 -0.75 0 10.125 cm",
            "0 0 m\n9 0 l\n9 9 l\n0 9 l\nh\nW n",
            "1 0 0 RG\n/O350 gs\n2 w\n4 M\n0 J 0 j\n[5 3.5] 0 d",
            "0 0 m\n2 2 4 2 6 0 c",
            "0 0 1 rg\n1 2 m\n4 2 l\n4 6 l\nh\nf",
        ] {
            assert!(text.contains(operator), "{operator} in {text}");
        }
        assert_eq!(text.matches("q\n").count(), text.matches("Q\n").count());
        Ok(())
    }

    #[test]
    fn objects_are_where_the_table_says() -> Result<(), TestError> {
        let pdf = pdf(&tree("<path d=\"M1,2h3v4z\"/>")?, "")?;
        let text = String::from_utf8_lossy(&pdf).replace(char::REPLACEMENT_CHARACTER, "?");
        let table = text.split("0000000000 65535 f \n").nth(1).ok_or("no table")?;
        for (i, line) in table.lines().take(5).enumerate() {
            let place: usize = line[..10].parse()?;
            assert!(pdf[place..].starts_with(format!("{} 0 obj\n", i + 1).as_bytes()), "{line}");
        }
        let start: usize = text
            .rsplit("startxref\n")
            .next()
            .and_then(|rest| rest.lines().next())
            .ok_or("none")?
            .parse()?;
        assert!(pdf[start..].starts_with(b"xref\n0 6\n"));
        Ok(())
    }

    #[test]
    fn what_cannot_be_written_is_an_error() -> Result<(), TestError> {
        for (content, what) in [
            ("<g opacity=\"0.5\"><path d=\"M1,2h3v4z\"/><path d=\"M1,2h3v4z\"/></g>", "blended"),
            (
                "<linearGradient id=\"g\"><stop/><stop offset=\"1\" stop-color=\"#fff\"/></linearGradient>\
                 <path d=\"M1,2h3v4z\" fill=\"url(#g)\"/>",
                "gradient",
            ),
        ] {
            let error = pdf(&tree(content)?, "").err().unwrap_or_default();
            assert!(error.contains(what), "{error}");
        }
        Ok(())
    }
}
