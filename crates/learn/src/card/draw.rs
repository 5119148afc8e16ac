//! Curves as SVG.

use std::fmt::Write as _;

use crate::measure::{Curves, Point};

/// The drawing, and the square that the curve lies in, in pixels.
const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 46.0;
const TOP: f64 = 26.0;
const SIDE: f64 = 280.0;
/// One colour each; those of P. Tol's bright scheme, which colour-blind people tell apart too.
const COLOURS: [&str; 8] = [
    "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#999999", "#000000",
];

/// Recall by false positives.
pub(super) fn roc(models: &[(&str, &Curves)]) -> String {
    let lines = models
        .iter()
        .map(|(name, curves)| (*name, curves.roc.as_slice()));
    lines_of("ROC", "false positives", "attacks found", lines)
}

/// Precision by recall.
pub(super) fn pr(models: &[(&str, &Curves)]) -> String {
    let lines = models
        .iter()
        .map(|(name, curves)| (*name, curves.pr.as_slice()));
    lines_of("Precision by recall", "attacks found", "precision", lines)
}

/// Share of attacks by score; what is calibrated lies on the diagonal.
pub(super) fn reliability(curves: &Curves) -> String {
    let mut out = frame("Reliability", "told probability", "share of attacks");
    let diagonal = [Point { x: 0.0, y: 0.0 }, Point { x: 1.0, y: 1.0 }];
    line(&mut out, &diagonal, "#bbbbbb");
    let bins: Vec<Point> = curves
        .reliability
        .iter()
        .filter(|bin| bin.rows > 0)
        .map(|bin| Point {
            x: bin.score,
            y: bin.attacks,
        })
        .collect();
    line(&mut out, &bins, COLOURS[0]);
    for point in bins {
        let (x, y) = place(point);
        // Writing to memory does not fail, here and below.
        let _ = writeln!(
            out,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{}\"/>",
            COLOURS[0]
        );
    }
    out.push_str("</svg>\n");
    out
}

fn lines_of<'a>(
    title: &str,
    x: &str,
    y: &str,
    lines: impl Iterator<Item = (&'a str, &'a [Point])>,
) -> String {
    let mut out = frame(title, x, y);
    for (at, (name, points)) in lines.enumerate() {
        let colour = COLOURS[at % COLOURS.len()];
        line(&mut out, points, colour);
        let down = TOP + 12.0 + 15.0 * at as f64;
        let right = LEFT + SIDE + 8.0;
        let name = escaped(name);
        let _ = writeln!(
            out,
            "<text x=\"{right}\" y=\"{down}\" fill=\"{colour}\">{name}</text>"
        );
    }
    out.push_str("</svg>\n");
    out
}

fn frame(title: &str, x: &str, y: &str) -> String {
    let mut out = String::new();
    let (bottom, middle) = (TOP + SIDE, LEFT + SIDE / 2.0);
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"11\" role=\"img\">\n\
         <title>{title}</title>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n\
         <rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{SIDE}\" height=\"{SIDE}\" fill=\"none\" stroke=\"#444444\"/>\n\
         <text x=\"{middle}\" y=\"16\" text-anchor=\"middle\" font-size=\"13\">{title}</text>\n\
         <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{x}</text>\n\
         <text transform=\"translate(12 {}) rotate(-90)\" text-anchor=\"middle\">{y}</text>\n",
        bottom + 32.0,
        TOP + SIDE / 2.0,
    );
    for mark in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let (across, down) = place(Point { x: mark, y: mark });
        let _ = writeln!(
            out,
            "<text x=\"{across:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{mark}</text>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{mark}</text>",
            bottom + 15.0,
            LEFT - 5.0,
            down + 4.0,
        );
    }
    out
}

fn place(point: Point) -> (f64, f64) {
    (LEFT + SIDE * point.x, TOP + SIDE * (1.0 - point.y))
}

fn line(out: &mut String, points: &[Point], colour: &str) {
    let _ = write!(
        out,
        "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\" points=\""
    );
    for point in points {
        let (x, y) = place(*point);
        let _ = write!(out, "{x:.1},{y:.1} ");
    }
    out.push_str("\"/>\n");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
