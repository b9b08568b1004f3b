// One panel: its axes, its series and the part of the data in view.

const MARGIN = { left: 72, right: 14, top: 14, bottom: 46 };
/** What a panel has below its plot where the next one says what x is. */
const WITHOUT_LABEL = 26;
/** From one line of a label to the next. */
const LABEL_LINE = 16;
let panels = 0;

class PanelView {
  /** `layout.labelled`: x has its label. `share`, `least`, `most`: its height, of the width. */
  constructor(figure, panel, layout) {
    Object.assign(this, { figure, panel, layout });
    this.spacing = { x: panel.x.spacing, y: panel.y.spacing };
    this.id = `plot-${panels++}`;
    this.root = html("div", { class: "panel" });
    if (panel.title) this.root.append(html("h3", {}, panel.title));
    this.frame = html("div", { class: "frame" });
    const label = [figure.data.title, panel.title].filter(Boolean).join(", ");
    this.svg = draw(this.frame, "svg", {
      tabindex: 0,
      role: "application",
      "aria-roledescription": "chart",
      "aria-label": `${label}. Arrow keys read the values, plus and minus zoom, 0 resets.`,
    });
    this.reading = new Reading(this);
    this.frame.append(this.reading.box);
    this.shown = html("p", { class: "shown" });
    this.root.append(this.frame, this.shown);
    this.measure();
    this.turn(this.start(), null);
    this.gestures = new Gestures(this);
    new ResizeObserver(() => this.schedule()).observe(this.frame);
  }

  /** New data of the same panel. */
  setPanel(panel) {
    this.panel = panel;
    this.reading.point = null;
    this.measure();
  }

  /** The range of x of all data, and the range that shows them. */
  measure() {
    const { x, series } = this.panel;
    this.extent = extentOf(series, this.spacing.x);
    this.full = fullRange(x, this.spacing.x, series, this.extent);
  }

  start() {
    return this.panel.x.view ?? this.full;
  }

  isAtStart() {
    const near = (a, b) => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b));
    const start = this.start();
    return near(this.x[0], start[0]) && near(this.x[1], start[1]) && !this.y;
  }

  /** Turns to a range of x and of y, and tells the figure; without y, to whatever lies there. */
  look(x, y = null) {
    this.turn(x, y);
    this.figure.turned(this);
  }

  turn(x, y) {
    this.x = x;
    this.y = y;
    if (this.scaleX) {
      // Gestures may come faster than frames and go on from here.
      this.scaleX = new Scale(this.spacing.x, x, this.scaleX.pixels);
      if (y) this.scaleY = new Scale(this.spacing.y, y, this.scaleY.pixels);
    }
    this.schedule();
  }

  reset() {
    this.look(this.start());
  }

  showAll() {
    this.look(this.full);
  }

  setSpacing(axis, spacing) {
    if (this.spacing[axis] === spacing) return;
    this.spacing[axis] = spacing;
    if (axis === "x") this.measure();
    this.turn(axis === "x" ? this.start() : this.x, null);
  }

  visible() {
    return this.panel.series.filter((series) => !this.figure.hidden.has(series.name));
  }

  schedule() {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.draw();
    });
  }

  // -- Drawing --

  draw() {
    const width = this.frame.clientWidth;
    if (!width) return;
    const { share, least, most, labelled } = this.layout;
    const height = Math.round(Math.min(most, Math.max(least, width * share)));
    this.size = { width, height };
    const gutter = this.figure.gutter();
    this.labels = labelled ? labelLines(this.panel.x.label, width - gutter) : [];
    const below = MARGIN.bottom + LABEL_LINE * (this.labels.length - 1);
    const bottom = height - (labelled ? below : WITHOUT_LABEL);
    this.edges = { left: gutter, right: width - MARGIN.right, top: MARGIN.top, bottom };
    for (const [name, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) {
      this.svg.setAttribute(name, value);
    }
    this.svg.replaceChildren();
    const { left, right, top } = this.edges;
    this.scaleX = new Scale(this.spacing.x, this.x, [left, right]);
    this.scaleY = new Scale(this.spacing.y, this.y ?? this.autoY(), [bottom, top]);
    this.drawAxisX();
    this.drawAxisY();
    const clip = draw(this.svg, "clipPath", { id: this.id });
    draw(clip, "rect", { x: left, y: top - 1, width: right - left, height: bottom - top + 2 });
    const lines = draw(this.svg, "g", { "clip-path": `url(#${this.id})`, class: "data" });
    this.drawData(lines, draw(this.svg, "g", { class: "data" }));
    this.cursor = draw(this.svg, "g", { class: "cursor" });
    this.gestures.drawBox();
    this.reading.draw();
    // Wider labels than before move the plots of all panels.
    if (this.figure.gutter() !== gutter) this.figure.views.forEach((view) => view.schedule());
  }

  /** The indices of a series between `low` and `high`; for a line, one more at either side. */
  *indices(series) {
    const [low, high] = this.x;
    const line = LINES.includes(series.style);
    for (let i = 0; i < series.x.length; i++) {
      const x = series.x[i];
      const next = series.x[i + 1] ?? x;
      const before = series.x[i - 1] ?? x;
      if (series.style === "band" || (x >= low && x <= high) || (line && ((x < low && next >= low) || (x > high && before <= high)))) {
        yield i;
      }
    }
  }

  inView(series, i) {
    const [x, y] = [series.x[i], series.y[i]];
    return usable(this.spacing.x, x) && usable(this.spacing.y, y) && x >= this.x[0] && x <= this.x[1];
  }

  autoY() {
    return rangeOfY(this.panel, this.spacing, this.visible(), this.x);
  }

  ticks(axis, range, most) {
    const whole = this.panel[axis].whole;
    return (this.spacing[axis] === "log" ? logTicks : linearTicks)(range, Math.max(2, most), whole);
  }

  drawAxisX() {
    const { left, right, top, bottom } = this.edges;
    const axis = this.panel.x;
    const unit = this.scaleX.at(this.x[0] + 1) - left;
    const everyWhole = axis.every_whole && unit >= 5;
    if (everyWhole) {
      for (let i = Math.ceil(this.x[0]); i <= this.x[1]; i++) {
        this.rule(this.scaleX.at(i), top, this.scaleX.at(i), bottom, "iteration");
      }
    }
    const ticks = axis.categories.length ? this.categories() : this.namedTicks(right - left);
    for (const { at, label } of ticks) {
      const x = px(this.scaleX.at(at));
      if (!everyWhole && !axis.categories.length) this.rule(x, top, x, bottom, "grid");
      this.rule(x, bottom, x, bottom + 4, "axis");
      // The last one stays within the image.
      const most = this.size.width - 3.5 * label.length;
      draw(this.svg, "text", { x: Math.min(x, px(most)), y: bottom + 18, class: "tick tick-x" }, label);
    }
    this.rule(left, bottom, right, bottom, "axis");
    for (const [i, line] of this.labels.entries()) {
      draw(this.svg, "text", { x: (left + right) / 2, y: bottom + 39 + LABEL_LINE * i, class: "label" }, line);
    }
  }

  /** Ticks with the axis's names in place of their numbers, as many as have room. */
  namedTicks(width) {
    const { names } = this.panel.x;
    const widest = Math.max(0, ...names.map((name) => name.length));
    const ticks = this.ticks("x", this.x, Math.floor(width / Math.max(76, 7 * widest + 14)));
    return names.length ? ticks.filter(({ at }) => at in names).map(({ at }) => ({ at, label: names[at] })) : ticks;
  }

  categories() {
    const names = this.panel.x.categories;
    const stride = Math.max(1, Math.ceil(30 / (this.scaleX.at(1) - this.scaleX.at(0))));
    return names
      .map((label, at) => ({ at, label }))
      .filter(({ at }) => at % stride === 0 && at >= this.x[0] && at <= this.x[1]);
  }

  drawAxisY() {
    const { left, right, top, bottom } = this.edges;
    const axis = this.panel.y;
    const most = Math.floor((bottom - top) / 42);
    const ticks = this.ticks("y", this.scaleY.values, Math.max(3, most));
    this.gutter = Math.ceil(34 + 6.9 * Math.max(0, ...ticks.map(({ label }) => label.length)));
    for (const { at, label } of ticks) {
      const y = px(this.scaleY.at(at));
      this.rule(left, y, right, y, axis.zero && at === 0 ? "zero" : "grid");
      draw(this.svg, "text", { x: left - 8, y: y + 4, class: "tick tick-y" }, label);
    }
    const middle = (top + bottom) / 2;
    draw(this.svg, "text", { transform: `translate(14 ${middle}) rotate(-90)`, class: "label" }, axis.label);
  }

  rule(x1, y1, x2, y2, kind) {
    draw(this.svg, "line", { x1: px(x1), y1: px(y1), x2: px(x2), y2: px(y2), class: kind });
  }

  /** True for pixels inside the plot or on its edge. */
  contains([x, y]) {
    const { left, right, top, bottom } = this.edges;
    return x >= left - 0.5 && x <= right + 0.5 && y >= top - 0.5 && y <= bottom + 0.5;
  }

  drawData(lines, marks) {
    const layers = { lines, marks, inside: (point) => this.contains(point) };
    let thinned = false;
    let [inView, total] = [0, 0];
    const bandsFirst = this.visible().sort((a, b) => (b.style === "band") - (a.style === "band"));
    for (const series of bandsFirst) {
      const points = [];
      for (const i of this.indices(series)) {
        const drawable = usable(this.spacing.x, series.x[i]) && usable(this.spacing.y, this.heightOf(series, i));
        points.push(drawable ? this.place(series, i) : null);
      }
      for (let i = 0; i < series.x.length; i++) {
        if (series.y[i] !== null) total++;
        if (this.inView(series, i)) inView++;
      }
      if (series.style === "bars") this.drawBars(layers, series);
      else thinned = drawSeries(layers, series.style, colorOf(series), points) || thinned;
    }
    this.say(inView, total, thinned);
  }

  /** In words, what of the data is drawn. */
  say(inView, total, thinned) {
    const { name, categories } = this.panel.x;
    const decimals = Math.min(20, Math.max(0, Math.ceil(2 - Math.log10(this.x[1] - this.x[0]))));
    const shown = [Math.max(this.x[0], this.extent[0]), Math.min(this.x[1], this.extent[1])];
    const ends = [...new Set(shown.map((x) => String(Number(x.toFixed(decimals)))))].join(" to ");
    const range = categories.length || shown[0] > shown[1] ? "" : `${name} ${ends}, `;
    const points = inView === total ? `all ${grouped(total, 0)}` : `${grouped(inView, 0)} of ${grouped(total, 0)}`;
    const plural = total === 1 ? "" : "s";
    const note = thinned ? "; where many share a pixel column, lines keep its extremes" : "";
    this.shown.textContent = `Shown: ${range}${points} point${plural}${note}.`;
  }

  /** The bars of a category stand side by side. */
  barWidth() {
    const group = (this.scaleX.at(1) - this.scaleX.at(0)) * 0.76;
    const bars = this.visible().filter((series) => series.style === "bars");
    return { bars, width: Math.min(56, group / bars.length) };
  }

  drawBars({ lines, marks }, series) {
    const { width } = this.barWidth();
    const base = this.scaleY.at(0);
    for (const i of this.indices(series)) {
      if (!this.inView(series, i)) continue;
      const [middle, y] = this.place(series, i);
      const x = middle - width / 2;
      const height = Math.max(0, base - y);
      draw(lines, "rect", { x: px(x), y: px(y), width: px(width * 0.94), height: px(height), fill: colorOf(series) });
      if (width >= 14 && this.contains([middle, y])) {
        draw(marks, "text", { x: px(x + width * 0.47), y: px(y - 4), class: "value" }, exact(series.y[i]));
      }
    }
  }

  /** y, where a bound below all that a logarithmic axis has is one at its very end. */
  heightOf(series, i) {
    const y = series.y[i];
    const isBelow = series.style === "band" && this.spacing.y === "log" && y !== null && y <= 0;
    return isBelow ? Number.MIN_VALUE : y;
  }

  /** The pixels of a point. */
  place(series, i) {
    let x = this.scaleX.at(series.x[i]);
    if (series.style === "bars") {
      const { bars, width } = this.barWidth();
      x += width * (bars.indexOf(series) - (bars.length - 1) / 2);
    }
    return [x, this.scaleY.at(this.heightOf(series, i))];
  }

  // -- Moving the view --

  /** Keeps a range of x inside the data. */
  clamped([low, high]) {
    const f = (value) => forward(this.spacing.x, value);
    const b = (value) => backward(this.spacing.x, value);
    const [first, last] = this.full.map(f);
    const span = Math.min(f(high) - f(low), last - first);
    const start = Math.min(Math.max(f(low), first), last - span);
    return [b(start), b(start + span)];
  }

  /** Zooms by a factor about a pixel; y follows the data, or is zoomed too where it was chosen. */
  zoom(factor, x, y) {
    const about = (spacing, range, value) => {
      const place = forward(spacing, value);
      return range.map((end) => backward(spacing, place + (forward(spacing, end) - place) * factor));
    };
    const range = this.clamped(about(this.spacing.x, this.x, this.scaleX.valueAt(x)));
    const [low, high] = range.map((value) => forward(this.spacing.x, value));
    const [first, last] = this.full.map((value) => forward(this.spacing.x, value));
    if (high - low < (last - first) * 1e-7) return;
    this.look(range, this.y && about(this.spacing.y, this.y, this.scaleY.valueAt(y)));
  }

  pan(dx, dy) {
    const shifted = (scale, pixels) => scale.pixels.map((pixel) => scale.valueAt(pixel - pixels));
    this.look(this.clamped(shifted(this.scaleX, dx)), this.y && shifted(this.scaleY, dy));
  }

  panTo(x) {
    const pixel = this.scaleX.at(x);
    this.pan((this.scaleX.pixels[0] + this.scaleX.pixels[1]) / 2 - pixel, 0);
  }
}
