// What a series looks like: lines, dots, triangles; thinned to what a screen can show. As svg/marks.rs.

const LINES = ["line", "dotted-line", "dashed", "pale-line", "whiskers"];
const WIDTHS = { line: 1.7, "dotted-line": 1.2, dashed: 1.9, "pale-line": 0.8, whiskers: 0.8 };

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

/** The outlines of pairs of a lower and an upper bound, null for a gap; as decimate.rs. */
function bandPath(points) {
  let path = "";
  let [there, back] = [[], []];
  const flush = () => {
    if (there.length) path += `M${[...there, ...back.reverse()].join("L")}z`;
    [there, back] = [[], []];
  };
  for (let i = 0; i + 1 < points.length; ) {
    if (points[i] === null || points[i + 1] === null) {
      flush();
      i += 2;
      continue;
    }
    const [start] = points[i];
    let [end, low, high] = [start, -Infinity, Infinity];
    for (; points[i] && points[i + 1] && Math.floor(points[i][0]) === Math.floor(start); i += 2) {
      end = points[i][0];
      low = Math.max(low, points[i][1], points[i + 1][1]);
      high = Math.min(high, points[i][1], points[i + 1][1]);
    }
    for (const x of new Set([px(start), px(end)])) {
      there.push(`${x},${px(low)}`);
      back.push(`${x},${px(high)}`);
    }
  }
  flush();
  return path;
}

/** One point of every pixel, as `shape` draws it. */
function cloudPath(points, shape) {
  const seen = new Set();
  let path = "";
  for (const [x, y] of points) {
    const key = Math.floor(x) * 16384 + Math.floor(y);
    if (seen.has(key)) continue;
    seen.add(key);
    path += shape(px(x), px(y));
  }
  return path;
}

const ring = (x, y) => `M${px(x - 3)},${y}a3,3 0 1,0 6,0a3,3 0 1,0 -6,0`;
const triangle = (x, y) => `M${x},${px(y - 3)}l-4.5,-8h9z`;

/**
 * Draws points (pixels, null for a gap) in a series' style: lines into `lines`, which is clipped, and
 * whole marks into `marks`, at those points alone that are `inside`. Says whether points were left out.
 */
function drawSeries({ lines, marks, inside }, style, color, points) {
  const stroke = { fill: "none", stroke: color };
  const cloud = (shape) => cloudPath(points.filter((point) => point !== null && inside(point)), shape);
  if (LINES.includes(style)) {
    const { path, lone, thinned } = linePath(points);
    const line = { ...stroke, "stroke-width": WIDTHS[style], d: path };
    if (style === "dashed") line["stroke-dasharray"] = "5 3.5";
    if (style === "pale-line" || style === "whiskers") line["stroke-opacity"] = 0.45;
    draw(lines, "path", line);
    if (lone) draw(lines, "path", { ...stroke, "stroke-width": 2 * WIDTHS[style], d: lone });
    if (style === "dotted-line" && !thinned) draw(marks, "path", { ...stroke, "stroke-width": 3.4, d: cloud(dot) });
    return thinned;
  }
  if (style === "band") {
    draw(lines, "path", { fill: color, "fill-opacity": 0.2, d: bandPath(points) });
  } else if (style === "rings") {
    draw(marks, "path", { ...stroke, "stroke-width": 1.4, d: cloud(ring) });
  } else if (style === "triangles") {
    draw(marks, "path", { fill: color, class: "triangle", d: cloud(triangle) });
  } else {
    const [width, opacity] = style === "pale-dots" ? [2.6, 0.45] : [6, 1];
    draw(marks, "path", { ...stroke, "stroke-width": width, "stroke-opacity": opacity, d: cloud(dot) });
  }
  return false;
}

const colorOf = (series) => `var(--series-${series.color % 8})`;
