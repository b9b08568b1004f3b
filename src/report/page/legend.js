// Which series are which. As svg/legend.rs.

/** The first series of each name. */
function legendEntries(panels) {
  const entries = new Map();
  for (const series of panels.flatMap((panel) => panel.series)) {
    if (!entries.has(series.name)) entries.set(series.name, series);
  }
  return [...entries.values()];
}

/** True where one legend says it for all panels: each has the same names, drawn the same way. */
function sharesLegend(panels) {
  const look = (panel) =>
    JSON.stringify(legendEntries([panel]).map(({ name, style, color }) => [name, style, color]));
  return panels.every((panel) => look(panel) === look(panels[0]));
}

/** A panel of one name needs no legend of its own: its axis says what it shows. */
const needsLegend = (panel) => legendEntries([panel]).length > 1;

/** A legend whose names hide their series in `figure`. */
function legend(figure, panels) {
  const root = html("div", { class: "legend", role: "group", "aria-label": "Series; click to hide or show" });
  for (const series of legendEntries(panels)) {
    const shown = !figure.hidden.has(series.name);
    const button = html("button", { type: "button", "aria-pressed": shown });
    button.append(sample(series), ...words(series.name));
    button.addEventListener("click", () => figure.toggle(series.name));
    root.append(button);
  }
  return root;
}

/** A series' style in small. */
function sample(series) {
  const svg = draw(html("span"), "svg", { width: 26, height: 14, "aria-hidden": "true", class: "data" });
  const { style } = series;
  if (style === "bars") {
    draw(svg, "rect", { x: 7, y: 2, width: 11, height: 11, fill: colorOf(series) });
    return svg;
  }
  const points = LINES.includes(style) || style === "pale-dots" ? [[3, 7], [13, 7], [23, 7]] : [[13, 7]];
  if (style === "triangles") points[0][1] = 14;
  drawSeries({ lines: svg, marks: svg, inside: () => true }, style, colorOf(series), points);
  return svg;
}
