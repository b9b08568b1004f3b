// What a series looks like: lines, dots, triangles; thinned to what a screen can show.

const LINES = ["line", "dotted-line", "dashed", "pale-line"];
const WIDTHS = { line: 1.7, "dotted-line": 1.2, dashed: 1.9, "pale-line": 0.8 };

const px = (value) => Math.round(value * 100) / 100;
const dot = (x, y) => `M${x},${y}h0`;

/**
 * A line through points, broken at gaps, with the first, lowest, highest and last of every pixel column.
 * Points between two gaps come apart, as dots.
 */
function linePath(points) {
  let path = "";
  let lone = "";
  let column = [];
  let fresh = true;
  let lonely = "";
  let thinned = false;
  const flush = () => {
    let kept = column;
    if (column.length > 4) {
      thinned = true;
      const ys = column.map((point) => point[1]);
      const low = ys.indexOf(Math.min(...ys));
      const high = ys.indexOf(Math.max(...ys));
      const keep = new Set([0, low, high, column.length - 1]);
      kept = [...keep].sort((a, b) => a - b).map((i) => column[i]);
    }
    for (const [x, y] of kept) {
      path += (fresh ? "M" : "L") + px(x) + "," + px(y);
      lonely = fresh ? dot(px(x), px(y)) : "";
      fresh = false;
    }
    column = [];
  };
  for (const point of points) {
    if (point === null) {
      flush();
      lone += lonely;
      [fresh, lonely] = [true, ""];
    } else {
      if (column.length && Math.floor(column[0][0]) !== Math.floor(point[0])) flush();
      column.push(point);
    }
  }
  flush();
  return { path, lone: lone + lonely, thinned };
}

/** One point of every pixel, as `shape` draws it. */
function cloudPath(points, shape) {
  const seen = new Set();
  let path = "";
  for (const point of points) {
    if (point === null) continue;
    const key = Math.floor(point[0]) * 16384 + Math.floor(point[1]);
    if (seen.has(key)) continue;
    seen.add(key);
    path += shape(px(point[0]), px(point[1]));
  }
  return path;
}

const ring = (x, y) => `M${x - 3.2},${y}a3.2,3.2 0 1,0 6.4,0a3.2,3.2 0 1,0 -6.4,0`;
const triangle = (x, y) => `M${x},${y - 3}l-5,-8.5h10z`;

/** Draws points (pixels, null for a gap) in a series' style; says whether points were left out. */
function drawSeries(parent, style, color, points) {
  const stroke = { fill: "none", stroke: color };
  if (LINES.includes(style)) {
    const { path, lone, thinned } = linePath(points);
    const line = { ...stroke, "stroke-width": WIDTHS[style], d: path };
    if (style === "dashed") line["stroke-dasharray"] = "5 3.5";
    if (style === "pale-line") line["stroke-opacity"] = 0.45;
    draw(parent, "path", line);
    if (lone) draw(parent, "path", { ...stroke, "stroke-width": 2 * WIDTHS[style], d: lone });
    if (style === "dotted-line" && !thinned) {
      draw(parent, "path", { ...stroke, "stroke-width": 3.4, d: cloudPath(points, dot) });
    }
    return thinned;
  }
  if (style === "rings") {
    draw(parent, "path", { ...stroke, "stroke-width": 1.4, d: cloudPath(points, ring) });
  } else if (style === "triangles") {
    draw(parent, "path", { fill: color, class: "triangle", d: cloudPath(points, triangle) });
  } else {
    const pale = style === "pale-dots";
    const width = pale ? 2.6 : 6;
    const opacity = pale ? 0.45 : 1;
    draw(parent, "path", {
      ...stroke, "stroke-width": width, "stroke-opacity": opacity, d: cloudPath(points, dot),
    });
  }
  return false;
}

const colorOf = (series) => `var(--series-${series.color % 8})`;
