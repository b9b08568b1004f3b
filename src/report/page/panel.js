// One panel: its axes, its series, the value that is read out and the part of the data in view.

const MARGIN = { left: 72, right: 14, top: 14, bottom: 46 };
let panels = 0;

class PanelView {
  constructor(figure, panel) {
    Object.assign(this, { figure, panel, reading: null });
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
    this.readout = html("div", { class: "readout", role: "status", hidden: "" });
    this.frame.append(this.readout);
    this.shown = html("p", { class: "shown" });
    this.root.append(this.frame, this.shown);
    this.full = this.fullRange();
    this.reset();
    this.gestures = new Gestures(this);
    new ResizeObserver(() => this.schedule()).observe(this.frame);
  }

  /** The range of x that holds all data. */
  fullRange() {
    const { x, series } = this.panel;
    if (x.categories.length) return [-0.5, x.categories.length - 0.5];
    let [low, high] = [Infinity, -Infinity];
    for (const one of series) {
      for (const value of one.x) {
        if (!usable(this.spacing.x, value)) continue;
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
    const scattered = series.some((one) => one.style === "dots" || one.style === "rings");
    return widened(x, this.spacing.x, low, high, scattered ? 0.04 : 0);
  }

  /** Turns to a range of x and of y; without y, to whatever lies there. */
  look(x, y = null) {
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
    this.look(this.panel.x.view ?? this.full);
  }

  showAll() {
    this.look(this.full);
  }

  switchSpacing(axis) {
    this.spacing[axis] = this.spacing[axis] === "log" ? "linear" : "log";
    if (axis === "x") this.full = this.fullRange();
    this.reset();
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
    const height = Math.round(Math.min(420, Math.max(260, width * 0.46)));
    this.size = { width, height };
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("height", height);
    this.svg.replaceChildren();
    const right = width - MARGIN.right;
    const bottom = height - MARGIN.bottom;
    this.scaleX = new Scale(this.spacing.x, this.x, [MARGIN.left, right]);
    this.scaleY = new Scale(this.spacing.y, this.y ?? this.autoY(), [bottom, MARGIN.top]);
    this.drawAxisX(right, bottom);
    this.drawAxisY(right, bottom);
    const clip = draw(this.svg, "clipPath", { id: this.id });
    draw(clip, "rect", {
      x: MARGIN.left - 3, y: MARGIN.top - 12, width: right - MARGIN.left + 6,
      height: bottom - MARGIN.top + 14,
    });
    this.drawData(draw(this.svg, "g", { "clip-path": `url(#${this.id})`, class: "data" }));
    this.cursor = draw(this.svg, "g", { class: "cursor" });
    this.gestures.drawBox();
    this.drawReading();
  }

  /** The indices of a series between `low` and `high`; for a line, one more at either side. */
  *indices(series) {
    const [low, high] = this.x;
    const line = LINES.includes(series.style);
    for (let i = 0; i < series.x.length; i++) {
      const x = series.x[i];
      const next = series.x[i + 1] ?? x;
      const before = series.x[i - 1] ?? x;
      if ((x >= low && x <= high) || (line && ((x < low && next >= low) || (x > high && before <= high)))) {
        yield i;
      }
    }
  }

  inView(series, i) {
    const [x, y] = [series.x[i], series.y[i]];
    return usable(this.spacing.x, x) && usable(this.spacing.y, y) && x >= this.x[0] && x <= this.x[1];
  }

  autoY() {
    let [low, high] = [Infinity, -Infinity];
    for (const series of this.visible()) {
      for (let i = 0; i < series.x.length; i++) {
        if (!this.inView(series, i)) continue;
        low = Math.min(low, series.y[i]);
        high = Math.max(high, series.y[i]);
      }
    }
    return widened(this.panel.y, this.spacing.y, low, high, 0.06);
  }

  ticks(axis, range, most) {
    const whole = this.panel[axis].whole;
    return (this.spacing[axis] === "log" ? logTicks : linearTicks)(range, Math.max(2, most), whole);
  }

  drawAxisX(right, bottom) {
    const axis = this.panel.x;
    const unit = this.scaleX.at(this.x[0] + 1) - MARGIN.left;
    const everyWhole = axis.every_whole && unit >= 5;
    if (everyWhole) {
      for (let i = Math.ceil(this.x[0]); i <= this.x[1]; i++) {
        this.rule(this.scaleX.at(i), MARGIN.top, this.scaleX.at(i), bottom, "iteration");
      }
    }
    const most = Math.floor((right - MARGIN.left) / 76);
    const ticks = axis.categories.length ? this.categories() : this.ticks("x", this.x, most);
    for (const { at, label } of ticks) {
      const x = px(this.scaleX.at(at));
      if (!everyWhole && !axis.categories.length) this.rule(x, MARGIN.top, x, bottom, "grid");
      this.rule(x, bottom, x, bottom + 4, "axis");
      draw(this.svg, "text", { x, y: bottom + 18, class: "tick tick-x" }, label);
    }
    this.rule(MARGIN.left, bottom, right, bottom, "axis");
    const middle = (MARGIN.left + right) / 2;
    draw(this.svg, "text", { x: middle, y: bottom + 39, class: "label" }, axis.label);
  }

  categories() {
    const names = this.panel.x.categories;
    const stride = Math.max(1, Math.ceil(30 / (this.scaleX.at(1) - this.scaleX.at(0))));
    return names
      .map((label, at) => ({ at, label }))
      .filter(({ at }) => at % stride === 0 && at >= this.x[0] && at <= this.x[1]);
  }

  drawAxisY(right, bottom) {
    const axis = this.panel.y;
    const most = Math.floor((bottom - MARGIN.top) / 42);
    for (const { at, label } of this.ticks("y", this.scaleY.values, most)) {
      const y = px(this.scaleY.at(at));
      this.rule(MARGIN.left, y, right, y, axis.zero && at === 0 ? "zero" : "grid");
      draw(this.svg, "text", { x: MARGIN.left - 8, y: y + 4, class: "tick tick-y" }, label);
    }
    const middle = (MARGIN.top + bottom) / 2;
    draw(this.svg, "text", { transform: `translate(14 ${middle}) rotate(-90)`, class: "label" }, axis.label);
  }

  rule(x1, y1, x2, y2, kind) {
    draw(this.svg, "line", { x1: px(x1), y1: px(y1), x2: px(x2), y2: px(y2), class: kind });
  }

  drawData(group) {
    let thinned = false;
    let [inView, total] = [0, 0];
    for (const series of this.visible()) {
      const points = [];
      for (const i of this.indices(series)) {
        const drawable = usable(this.spacing.x, series.x[i]) && usable(this.spacing.y, series.y[i]);
        points.push(drawable ? this.place(series, i) : null);
      }
      for (let i = 0; i < series.x.length; i++) {
        if (series.y[i] !== null) total++;
        if (this.inView(series, i)) inView++;
      }
      if (series.style === "bars") this.drawBars(group, series, points);
      else thinned = drawSeries(group, series.style, colorOf(series), points) || thinned;
    }
    this.say(inView, total, thinned);
  }

  /** In words, what of the data is drawn. */
  say(inView, total, thinned) {
    const { name, categories } = this.panel.x;
    const decimals = Math.min(20, Math.max(0, Math.ceil(2 - Math.log10(this.x[1] - this.x[0]))));
    const ends = this.x.map((x) => String(Number(x.toFixed(decimals)))).join(" to ");
    const range = categories.length ? "" : `${name} ${ends}, `;
    const points = inView === total ? `all ${grouped(total, 0)}` : `${grouped(inView, 0)} of ${grouped(total, 0)}`;
    const note = thinned ? "; where many share a pixel column, lines keep its extremes" : "";
    this.shown.textContent = `Shown: ${range}${points} points${note}.`;
  }

  /** The bars of a category stand side by side. */
  barWidth() {
    const group = (this.scaleX.at(1) - this.scaleX.at(0)) * 0.76;
    const bars = this.visible().filter((series) => series.style === "bars");
    return { bars, width: Math.min(56, group / bars.length) };
  }

  drawBars(group, series, points) {
    const { width } = this.barWidth();
    const base = this.scaleY.at(0);
    for (const [i, point] of points.entries()) {
      if (!point) continue;
      const [x, y] = [point[0] - width / 2, point[1]];
      const height = Math.max(0, base - y);
      draw(group, "rect", { x: px(x), y: px(y), width: px(width * 0.94), height: px(height), fill: colorOf(series) });
      if (width >= 14) {
        draw(group, "text", { x: px(x + width * 0.47), y: px(y - 4), class: "value" }, exact(series.y[i]));
      }
    }
  }

  /** The pixels of a point. */
  place(series, i) {
    let x = this.scaleX.at(series.x[i]);
    if (series.style === "bars") {
      const { bars, width } = this.barWidth();
      x += width * (bars.indexOf(series) - (bars.length - 1) / 2);
    }
    return [x, this.scaleY.at(series.y[i])];
  }

  // -- Reading values --

  /** Reads the point nearest to a pixel; along x counts more, as lines are read at their x. */
  readNearest(x, y) {
    let best = Infinity;
    this.reading = null;
    for (const series of this.visible()) {
      for (let i = 0; i < series.x.length; i++) {
        if (!this.inView(series, i)) continue;
        const [a, b] = this.place(series, i);
        const distance = (a - x) ** 2 + 0.3 * (b - y) ** 2;
        if (distance < best) {
          best = distance;
          this.reading = { series, i };
        }
      }
    }
    this.drawReading();
  }

  hideReading() {
    this.reading = null;
    this.drawReading();
  }

  drawReading() {
    this.cursor?.replaceChildren();
    const { reading } = this;
    const gone = !reading || this.figure.hidden.has(reading.series.name) || !this.inView(reading.series, reading.i);
    this.readout.hidden = gone;
    if (gone) return;
    const { series, i } = reading;
    const [x, y] = this.place(series, i);
    const bottom = this.size.height - MARGIN.bottom;
    draw(this.cursor, "line", { x1: px(x), y1: MARGIN.top, x2: px(x), y2: bottom });
    draw(this.cursor, "line", { x1: MARGIN.left, y1: px(y), x2: this.size.width - MARGIN.right, y2: px(y) });
    draw(this.cursor, "circle", { cx: px(x), cy: px(y), r: 5, stroke: colorOf(series) });
    this.fillReadout(series, i);
    this.placeReadout(x, y);
  }

  fillReadout(series, i) {
    const list = html("dl");
    const rows = series.details.map((detail) => [detail.name, detail.values[i]]);
    if (!rows.length) rows.push([this.panel.x.name, series.x[i]]);
    rows.push([this.panel.y.name, series.y[i]]);
    for (const [name, value] of rows) list.append(html("dt", {}, name), html("dd", {}, exact(value)));
    const title = html("strong", { style: `border-color: ${colorOf(series)}` }, series.name);
    this.readout.replaceChildren(title, list);
  }

  placeReadout(x, y) {
    const { offsetWidth: width, offsetHeight: height } = this.readout;
    const left = x + width + 22 > this.size.width ? x - width - 14 : x + 14;
    const top = Math.min(Math.max(y - height - 10, 2), this.size.height - height - 2);
    this.readout.style.transform = `translate(${Math.max(0, left)}px, ${top}px)`;
  }

  /** Reads the next point in view; beyond its edge, moves the view along. */
  step(direction) {
    const { series, i } = this.reading ?? {};
    if (!series) return this.readFirst();
    for (let j = i + direction; j >= 0 && j < series.x.length; j += direction) {
      if (series.y[j] === null || !usable(this.spacing.y, series.y[j])) continue;
      this.reading = { series, i: j };
      if (!this.inView(series, j)) this.panTo(series.x[j]);
      return this.drawReading();
    }
  }

  readFirst() {
    this.readNearest(MARGIN.left, this.size.height / 2);
  }

  readLast() {
    this.readNearest(this.size.width, this.size.height / 2);
  }

  /** Reads the next series at the same x. */
  changeSeries(direction) {
    if (!this.reading) return this.readFirst();
    const all = this.visible();
    const { series, i } = this.reading;
    for (let k = 1; k < all.length; k++) {
      const other = all.at((all.indexOf(series) + direction * k) % all.length);
      let best = Infinity;
      for (let j = 0; j < other.x.length; j++) {
        const distance = Math.abs(other.x[j] - series.x[i]);
        if (!this.inView(other, j) || distance >= best) continue;
        best = distance;
        this.reading = { series: other, i: j };
      }
      if (best < Infinity) return this.drawReading();
    }
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

  atFullExtent() {
    const near = (a, b) => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b));
    return near(this.x[0], this.full[0]) && near(this.x[1], this.full[1]) && !this.y;
  }
}
