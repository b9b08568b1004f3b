// The view that is shown as a file: SVG and PNG as on white paper, and the values in view as CSV.

/** What a drawing's looks depend on, of the page's style sheet. */
const LOOKS = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "stroke-linecap",
  "stroke-linejoin", "font-size", "text-anchor"];

/** A copy of a drawing that needs no style sheet, in the colours of paper. */
function standalone(svg) {
  const copy = svg.cloneNode(true);
  copy.querySelector(".cursor")?.remove();
  const paper = html("div", { class: "paper frame" });
  paper.append(copy);
  document.body.append(paper);
  for (const element of copy.querySelectorAll("*")) {
    const style = getComputedStyle(element);
    for (const name of LOOKS) element.setAttribute(name, style.getPropertyValue(name));
    element.removeAttribute("class");
  }
  paper.remove();
  for (const name of ["tabindex", "role", "aria-label", "aria-roledescription", "class"]) copy.removeAttribute(name);
  return copy;
}

/** The names of a legend in rows from (left, top) on; returns the height. */
function drawLegend(parent, panels, hidden, left, top, width) {
  let [x, y] = [left, top];
  for (const series of legendEntries(panels).filter((one) => !hidden.has(one.name))) {
    const advance = 34 + series.name.length * 7 + 18;
    if (x > left && x + advance > left + width) [x, y] = [left, y + 20];
    const icon = standalone(sample(series));
    icon.setAttribute("x", x);
    icon.setAttribute("y", y);
    parent.append(icon);
    draw(parent, "text", { x: x + 34, y: y + 11, "font-size": 12, fill: "#1a1a1a" }, series.name);
    x += advance;
  }
  return y + 22 - top;
}

/** All panels of a figure below each other, with title and legends. */
function snapshot(figure) {
  const width = Math.max(...figure.views.map((view) => view.size.width));
  const root = draw(html("div"), "svg", { xmlns: SVG, "font-family": "'DejaVu Sans', Verdana, sans-serif" });
  const ground = draw(root, "rect", { width, fill: "#fff" });
  draw(root, "text", { x: 12, y: 26, "font-size": 17, fill: "#1a1a1a" }, figure.data.title);
  let y = 38;
  const panels = figure.views.map((view) => view.panel);
  const shared = sharesLegend(panels);
  if (shared && panels.some(needsLegend)) y += drawLegend(root, panels, figure.hidden, 12, y, width);
  for (const view of figure.views) {
    if (view.panel.title) draw(root, "text", { x: MARGIN.left, y: y + 16, "font-size": 14, fill: "#1a1a1a" }, view.panel.title);
    if (view.panel.title) y += 22;
    if (!shared && needsLegend(view.panel)) y += drawLegend(root, [view.panel], figure.hidden, MARGIN.left, y, width - MARGIN.left);
    const copy = standalone(view.svg);
    copy.setAttribute("y", y);
    root.append(copy);
    y += view.size.height + 6;
  }
  ground.setAttribute("height", y);
  for (const [name, value] of Object.entries({ width, height: y, viewBox: `0 0 ${width} ${y}` })) root.setAttribute(name, value);
  return { svg: new XMLSerializer().serializeToString(root), width, height: y };
}

function saveSvg(figure) {
  save(`${figure.data.id}.svg`, new Blob([snapshot(figure).svg], { type: "image/svg+xml" }));
}

/** Twice the pixels of the screen. */
async function savePng(figure) {
  const { svg, width, height } = snapshot(figure);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = html("canvas", { width: 2 * width, height: 2 * height });
  canvas.getContext("2d").drawImage(image, 0, 0, 2 * width, 2 * height);
  canvas.toBlob((blob) => save(`${figure.data.id}.png`, blob), "image/png");
}

function saveCsv(figure) {
  save(`${figure.data.id}.csv`, new Blob([csvOf(figure)], { type: "text/csv" }));
}

/** A row for every value in view of a series that is shown; what a series does not have is left empty. */
function csvOf(figure) {
  const rows = [];
  for (const view of figure.views) {
    for (const series of view.visible()) {
      for (let i = 0; i < series.x.length; i++) {
        if (!view.inView(series, i)) continue;
        const [x, y] = [view.panel.x, view.panel.y];
        const details = series.details.map((detail) => [detail.name, detail.values[i]]);
        const values = [[x.name, x.categories[series.x[i]] ?? series.x[i]], ...details, [y.name, series.y[i]]];
        rows.push(new Map([["panel", view.panel.title], ["series", series.name], ...values]));
      }
    }
  }
  const columns = [...new Set(rows.flatMap((row) => [...row.keys()]))];
  const cell = (value) => (/[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  const line = (values) => values.map((value) => cell(String(value ?? ""))).join(",");
  return [columns, ...rows.map((row) => columns.map((name) => row.get(name)))].map(line).join("\n") + "\n";
}

function save(name, blob) {
  const url = URL.createObjectURL(blob);
  const link = html("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
