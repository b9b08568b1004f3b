// A figure: its controls, its legend and its panels, drawn in place of the image.

const CONTROLS =
  "Point at a figure, or use the arrow keys on it, to read values. Turn the wheel or draw a box to zoom, " +
  "drag with Shift to pan, double-click to reset; click a name to hide it.";
let lastScroll = -Infinity;

class FigureView {
  constructor(section, data) {
    Object.assign(this, { data, hidden: new Set(), panning: false, views: [] });
    const plot = section.querySelector(".plot");
    const image = new XMLSerializer().serializeToString(plot.querySelector("svg"));
    this.panels = html("div", { class: `panels columns-${data.choice ? 1 : data.columns}` });
    plot.replaceChildren(this.toolbar(image), this.legend(), this.panels);
    this.show(data.choice ? data.panels.slice(0, 1) : data.panels);
  }

  show(panels) {
    this.views = panels.map((panel) => new PanelView(this, panel));
    this.panels.replaceChildren(...this.views.map((view) => view.root));
  }

  toolbar(image) {
    const bar = html("div", { class: "toolbar", role: "group", "aria-label": "Controls" });
    if (this.data.choice && this.data.panels.length > 1) bar.append(this.chooser());
    for (const axis of ["y", "x"]) {
      if (this.data.panels.some((panel) => panel[axis].switch)) bar.append(this.logSwitch(axis));
    }
    bar.append(this.toggle("Drag pans", "pan", (on) => (this.panning = on)));
    if (this.data.panels.some((panel) => panel.x.view)) {
      bar.append(this.button("Show all", "all", () => this.views.forEach((view) => view.showAll())));
    }
    bar.append(this.button("Reset", "reset", () => this.views.forEach((view) => view.reset())));
    bar.append(this.button("Download SVG", "download", () => download(`${this.data.id}.svg`, image)));
    return bar;
  }

  chooser() {
    const label = html("label", {}, `${this.data.choice} `);
    const select = html("select");
    const name = (title) => title.replace(/^\w+ /, "");
    this.data.panels.forEach((panel, i) => select.append(html("option", { value: i }, name(panel.title))));
    select.addEventListener("change", () => this.show([this.data.panels[select.value]]));
    label.append(select);
    return label;
  }

  logSwitch(axis) {
    const on = this.data.panels[0][axis].spacing === "log";
    const change = () => this.views.forEach((view) => view.switchSpacing(axis));
    return this.toggle(`Log ${axis}`, `log-${axis}`, change, on);
  }

  toggle(text, kind, change, on = false) {
    const button = this.button(text, kind, () => {
      const pressed = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", pressed);
      change(pressed);
    });
    button.setAttribute("aria-pressed", on);
    return button;
  }

  button(text, kind, action) {
    const button = html("button", { type: "button", class: kind }, text);
    button.addEventListener("click", action);
    return button;
  }

  legend() {
    const legend = html("div", { class: "legend", role: "group", "aria-label": "Series; click to hide or show" });
    const named = new Map(this.data.panels.flatMap((panel) => panel.series).map((one) => [one.name, one]));
    for (const [name, series] of named) {
      const button = html("button", { type: "button", "aria-pressed": "true" });
      button.append(sample(series), name);
      button.addEventListener("click", () => {
        if (!this.hidden.delete(name)) this.hidden.add(name);
        button.setAttribute("aria-pressed", !this.hidden.has(name));
        this.views.forEach((view) => view.schedule());
      });
      legend.append(button);
    }
    return legend;
  }
}

/** A series' style in small. */
function sample(series) {
  const holder = html("span");
  const svg = draw(holder, "svg", { width: 26, height: 14, "aria-hidden": "true", class: "data" });
  const { style } = series;
  if (style === "bars") {
    draw(svg, "rect", { x: 7, y: 2, width: 11, height: 11, fill: colorOf(series) });
    return svg;
  }
  const points = LINES.includes(style) || style === "pale-dots" ? [[3, 7], [13, 7], [23, 7]] : [[13, 7]];
  if (style === "triangles") points[0][1] = 14;
  drawSeries(svg, style, colorOf(series), points);
  return svg;
}

function download(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  const link = html("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

addEventListener("scroll", () => (lastScroll = performance.now()), { passive: true });

document.querySelector("section.figure").before(html("p", { class: "controls" }, CONTROLS));
for (const section of document.querySelectorAll("section.figure")) {
  const data = section.querySelector('script[type="application/json"]');
  if (data) new FigureView(section, JSON.parse(data.textContent));
}
