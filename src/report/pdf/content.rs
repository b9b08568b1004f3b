//! The operators that draw the paths of an SVG tree (ISO 32000-1, 8.2). Text is outlines by then.

use std::collections::BTreeSet;

use resvg::usvg::tiny_skia_path::{Path as Outline, PathSegment, Point};
use resvg::usvg::{
    BlendMode, ClipPath, Color, Fill, FillRule, Group, LineCap, LineJoin, Node, Opacity, Paint,
    PaintOrder, Path, Stroke, Transform,
};

/// What a drawing has that this cannot write; our own have nothing of it.
pub(super) type Unsupported = &'static str;

/// Operators, and the opacities in thousandths that they name as `/O350`.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub operators: String,
    pub opacities: BTreeSet<u16>,
}

impl Content {
    /// Everything in a group, under a transform before its own.
    pub fn draw(&mut self, group: &Group, transform: Transform) -> Result<(), Unsupported> {
        self.put("q");
        self.transform(transform);
        self.group(group)?;
        self.put("Q");
        Ok(())
    }

    fn group(&mut self, group: &Group) -> Result<(), Unsupported> {
        if group.opacity() != Opacity::ONE || group.blend_mode() != BlendMode::Normal {
            return Err("a group that is blended as a whole");
        }
        if group.mask().is_some() || !group.filters().is_empty() {
            return Err("a mask or a filter");
        }
        self.put("q");
        self.transform(group.transform());
        if let Some(clip) = group.clip_path() {
            self.clip(clip)?;
        }
        for node in group.children() {
            match node {
                Node::Group(group) => self.group(group)?,
                Node::Path(path) => self.path(path)?,
                Node::Text(text) => self.group(text.flattened())?,
                Node::Image(_) => return Err("an image"),
            }
        }
        self.put("Q");
        Ok(())
    }

    fn clip(&mut self, clip: &ClipPath) -> Result<(), Unsupported> {
        if !clip.transform().is_identity() || clip.clip_path().is_some() {
            return Err("a clip path with a transform or a clip path of its own");
        }
        for node in clip.root().children() {
            let Node::Path(path) = node else {
                return Err("a clip path that is not made of paths");
            };
            self.outline(path.data());
        }
        self.put("W n");
        Ok(())
    }

    fn path(&mut self, path: &Path) -> Result<(), Unsupported> {
        if path.paint_order() != PaintOrder::FillAndStroke {
            return Err("a stroke below its fill");
        }
        if !path.is_visible() {
            return Ok(());
        }
        if let Some(fill) = path.fill() {
            self.fill(fill, path.data())?;
        }
        if let Some(stroke) = path.stroke() {
            self.stroke(stroke, path.data())?;
        }
        Ok(())
    }

    fn fill(&mut self, fill: &Fill, outline: &Outline) -> Result<(), Unsupported> {
        self.put("q");
        self.color(fill.paint(), "rg")?;
        self.opacity(fill.opacity());
        self.outline(outline);
        self.put(match fill.rule() {
            FillRule::NonZero => "f",
            FillRule::EvenOdd => "f*",
        });
        self.put("Q");
        Ok(())
    }

    fn stroke(&mut self, stroke: &Stroke, outline: &Outline) -> Result<(), Unsupported> {
        self.put("q");
        self.color(stroke.paint(), "RG")?;
        self.opacity(stroke.opacity());
        let cap = match stroke.linecap() {
            LineCap::Butt => 0,
            LineCap::Round => 1,
            LineCap::Square => 2,
        };
        let join = match stroke.linejoin() {
            LineJoin::Miter | LineJoin::MiterClip => 0,
            LineJoin::Round => 1,
            LineJoin::Bevel => 2,
        };
        self.numbers(&[stroke.width().get()], "w");
        self.numbers(&[stroke.miterlimit().get()], "M");
        self.put(&format!("{cap} J {join} j"));
        if let Some(dashes) = stroke.dasharray() {
            let dashes: Vec<String> = dashes.iter().copied().map(number).collect();
            self.put(&format!("[{}] {} d", dashes.join(" "), number(stroke.dashoffset())));
        }
        self.outline(outline);
        self.put("S");
        self.put("Q");
        Ok(())
    }

    fn color(&mut self, paint: &Paint, operator: &str) -> Result<(), Unsupported> {
        let Paint::Color(Color { red, green, blue }) = paint else {
            return Err("a gradient or a pattern");
        };
        self.numbers(&[red, green, blue].map(|part| f32::from(*part) / 255.0), operator);
        Ok(())
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of one, in thousandths"
    )]
    fn opacity(&mut self, opacity: Opacity) {
        if opacity != Opacity::ONE {
            let thousandths = (opacity.get() * 1000.0).round() as u16;
            self.opacities.insert(thousandths);
            self.put(&format!("/O{thousandths} gs"));
        }
    }

    fn outline(&mut self, outline: &Outline) {
        let mut from = Point::zero();
        for segment in outline.segments() {
            from = match segment {
                PathSegment::MoveTo(to) => self.points([to], "m"),
                PathSegment::LineTo(to) => self.points([to], "l"),
                // PDF has cubic curves alone; this one is the same curve.
                PathSegment::QuadTo(control, to) => {
                    let near = |end: Point| Point {
                        x: end.x + (control.x - end.x) * 2.0 / 3.0,
                        y: end.y + (control.y - end.y) * 2.0 / 3.0,
                    };
                    self.points([near(from), near(to), to], "c")
                }
                PathSegment::CubicTo(one, two, to) => self.points([one, two, to], "c"),
                PathSegment::Close => {
                    self.put("h");
                    from
                }
            };
        }
    }

    /// An operator on points; returns the last of them.
    fn points<const N: usize>(&mut self, points: [Point; N], operator: &str) -> Point {
        for point in points {
            self.operators.push_str(&format!("{} {} ", number(point.x), number(point.y)));
        }
        self.put(operator);
        points[N - 1]
    }

    fn transform(&mut self, transform: Transform) {
        if !transform.is_identity() {
            let Transform { sx, ky, kx, sy, tx, ty } = transform;
            self.numbers(&[sx, ky, kx, sy, tx, ty], "cm");
        }
    }

    fn numbers(&mut self, numbers: &[f32], operator: &str) {
        for &value in numbers {
            self.operators.push_str(&number(value));
            self.operators.push(' ');
        }
        self.put(operator);
    }

    fn put(&mut self, operator: &str) {
        self.operators.push_str(operator);
        self.operators.push('\n');
    }
}

/// With six decimals at most: PDF knows no exponents.
fn number(value: f32) -> String {
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}
