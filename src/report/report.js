// Draws the page's figures from their descriptions (see figure.rs), to zoom into and to read values from.
// Plain JavaScript, no network. Text from outside enters the page through textContent alone.
"use strict";

(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const MARGIN = { left: 72, right: 14, top: 14, bottom: 46 };
  const LINES = ["line", "dotted-line", "dashed", "pale-line"];
  const WIDTHS = { line: 1.7, "dotted-line": 1.2, dashed: 1.9, "pale-line": 0.8 };
  let figures = 0;

  // ---- Elements ----

  function html(tag, attributes = {}, text = "") {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text) element.textContent = text;
    return element;
  }

  function draw(parent, tag, attributes, text = "") {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text) element.textContent = text;
    parent.append(element);
    return element;
  }

  // ---- Numbers ----

  /** Nine significant digits, as in the data. */
  function exact(value) {
    return value === null ? "none" : String(Number(value.toPrecision(9)));
  }

  function superscript(power) {
    return [...String(power)].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("");
  }

  /** With a true minus sign and, from 10000 on, thin spaces between thousands. */
  function grouped(value, decimals) {
    const [whole, fraction] = Math.abs(value).toFixed(decimals).split(".");
    const sign = value < 0 && /[1-9]/.test(whole + (fraction ?? "")) ? "−" : "";
    const spaced = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, "\u202f") : whole;
    return sign + spaced + (fraction ? "." + fraction : "");
  }

  function roundStep(least) {
    const power = 10 ** Math.floor(Math.log10(least));
    return ([1, 2, 5].find((factor) => factor * power >= least * (1 - 1e-9)) ?? 10) * power;
  }

  function tickLabel(value, step, largest) {
    const decimals = (unit) => Math.max(0, Math.ceil(-Math.log10(step / unit) - 1e-9));
    if (largest >= 1e-4 && largest < 1e7) return grouped(value, Math.min(decimals(1), 20));
    if (Math.abs(value) < step / 2) return "0";
    const power = Math.floor(Math.log10(largest));
    const unit = 10 ** power;
    return grouped(value / unit, Math.min(decimals(unit), 20)) + "·10" + superscript(power);
  }

  function linearTicks([low, high], most, whole) {
    let step = roundStep((high - low) / most);
    if (whole) step = Math.max(step, 1);
    const largest = Math.max(Math.abs(low), Math.abs(high));
    const ticks = [];
    const last = Math.floor(high / step + 1e-9);
    for (let i = Math.ceil(low / step - 1e-9); i <= last; i++) {
      ticks.push({ at: i * step, label: tickLabel(i * step, step, largest) });
    }
    return ticks;
  }

  function logLabel(factor, power) {
    if (power >= -3 && power <= 4) return grouped(factor * 10 ** power, Math.max(0, -power));
    return (factor === 1 ? "" : factor + "·") + "10" + superscript(power);
  }

  function logTicks([low, high], most, whole) {
    const within = (factors, stride) => {
      const ticks = [];
      for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
        if (power % stride !== 0) continue;
        for (const factor of factors) {
          const at = factor * 10 ** power;
          if (at >= low * (1 - 1e-9) && at <= high * (1 + 1e-9)) {
            ticks.push({ at, label: logLabel(factor, power) });
          }
        }
      }
      return ticks;
    };
    const fine = within([1, 2, 5], 1);
    if (fine.length < 3) return linearTicks([low, high], most, whole);
    if (fine.length <= most) return fine;
    let stride = 1;
    while (within([1], stride).length > most) stride++;
    return within([1], stride);
  }

  // ---- Axes: values to pixels and back ----

  const forward = (spacing, value) => (spacing === "log" ? Math.log(value) : value);
  const backward = (spacing, place) => (spacing === "log" ? Math.exp(place) : place);
  const usable = (spacing, value) => value !== null && (spacing !== "log" || value > 0);

  class Scale {
    constructor(spacing, values, pixels) {
      Object.assign(this, { spacing, values, pixels });
      this.low = forward(spacing, values[0]);
      this.span = forward(spacing, values[1]) - this.low;
    }

    at(value) {
      const share = (forward(this.spacing, value) - this.low) / this.span;
      return this.pixels[0] + share * (this.pixels[1] - this.pixels[0]);
    }

    valueAt(pixel) {
      const share = (pixel - this.pixels[0]) / (this.pixels[1] - this.pixels[0]);
      return backward(this.spacing, this.low + share * this.span);
    }
  }

  /** The range of some values on an axis, with a share of it as air; as scale.rs does it. */
  function widened(axis, spacing, low, high, air) {
    if (low > high) return [0.1, 1];
    if (spacing === "log") {
      const factor = low === high ? 2 : (high / low) ** air;
      return [low / factor, high * factor];
    }
    if (axis.zero) [low, high] = [Math.min(low, 0), Math.max(high, 0)];
    const margin = low === high ? Math.max(Math.abs(low) * 0.1, 0.5) : (high - low) * air;
    const bottom = axis.zero && low === 0 ? 0 : low - margin;
    const top = axis.zero && high === 0 && low < 0 ? 0 : high + margin;
    return [bottom, top];
  }

  // ---- Paths ----

  const px = (value) => Math.round(value * 100) / 100;

  /** A line through points, broken at gaps, with the first, lowest, highest and last of every pixel column. */
  function linePath(points) {
    let path = "";
    let column = [];
    let fresh = true;
    let lonely = false;
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
        lonely = fresh;
        fresh = false;
      }
      column = [];
    };
    for (const point of points) {
      if (point === null) {
        flush();
        if (lonely) path += "h0";
        [fresh, lonely] = [true, false];
      } else {
        if (column.length && Math.floor(column[0][0]) !== Math.floor(point[0])) flush();
        column.push(point);
      }
    }
    flush();
    if (lonely) path += "h0";
    return { path, thinned };
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

  const dot = (x, y) => `M${x},${y}h0`;
  const ring = (x, y) => `M${x - 3.2},${y}a3.2,3.2 0 1,0 6.4,0a3.2,3.2 0 1,0 -6.4,0`;
  const triangle = (x, y) => `M${x},${y - 3}l-5,-8.5h10z`;

  /** Draws points (pixels, null for a gap) in a series' style; says whether points were left out. */
  function drawSeries(parent, style, color, points) {
    const stroke = { fill: "none", stroke: color };
    if (LINES.includes(style)) {
      const { path, thinned } = linePath(points);
      const line = { ...stroke, "stroke-width": WIDTHS[style], d: path };
      if (style === "dashed") line["stroke-dasharray"] = "5 3.5";
      if (style === "pale-line") line["stroke-opacity"] = 0.45;
      draw(parent, "path", line);
      if (style === "dotted-line") {
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
      const opacity = pale ? 0.4 : 1;
      draw(parent, "path", {
        ...stroke, "stroke-width": width, "stroke-opacity": opacity, d: cloudPath(points, dot),
      });
    }
    return false;
  }

  const colorOf = (series) => `var(--series-${series.color % 8})`;

  // ---- One panel ----

  class PanelView {
    constructor(figure, panel) {
      Object.assign(this, { figure, panel, pointers: new Map(), reading: null, box: null });
      this.spacing = { x: panel.x.spacing, y: panel.y.spacing };
      this.id = `plot-${figures++}`;
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
      this.listen();
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

    reset() {
      this.x = [...(this.panel.x.view ?? this.full)];
      this.y = null;
      this.schedule();
    }

    showAll() {
      this.x = [...this.full];
      this.y = null;
      this.schedule();
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
      this.drawBox();
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
      const range = categories.length ? "" : `${name} ${this.x.map((x) => exact(Number(x.toPrecision(6)))).join(" to ")}, `;
      const points = inView === total ? `all ${grouped(total, 0)}` : `${grouped(inView, 0)} of ${grouped(total, 0)}`;
      const note = thinned ? "; where several share a pixel column, its lowest and highest are drawn" : "";
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
      if (this.y) this.y = about(this.spacing.y, this.y, this.scaleY.valueAt(y));
      this.x = range;
      this.schedule();
    }

    pan(dx, dy) {
      const shifted = (scale, pixels) => scale.pixels.map((pixel) => scale.valueAt(pixel - pixels));
      this.x = this.clamped(shifted(this.scaleX, dx));
      if (this.y) this.y = shifted(this.scaleY, dy);
      this.schedule();
    }

    panTo(x) {
      const pixel = this.scaleX.at(x);
      this.pan((this.scaleX.pixels[0] + this.scaleX.pixels[1]) / 2 - pixel, 0);
    }

    atFullExtent() {
      const near = (a, b) => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b));
      return near(this.x[0], this.full[0]) && near(this.x[1], this.full[1]) && !this.y;
    }

    // -- Events --

    listen() {
      const { svg } = this;
      svg.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
      svg.addEventListener("pointerdown", (event) => this.onDown(event));
      svg.addEventListener("pointermove", (event) => this.onMove(event));
      svg.addEventListener("pointerup", (event) => this.onUp(event));
      svg.addEventListener("pointercancel", (event) => this.onCancel(event));
      svg.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && this.hideReading());
      svg.addEventListener("dblclick", () => this.reset());
      svg.addEventListener("keydown", (event) => this.onKey(event));
      svg.addEventListener("blur", () => this.hideReading());
    }

    position(event) {
      const { left, top } = this.svg.getBoundingClientRect();
      return { x: event.clientX - left, y: event.clientY - top };
    }

    /** A page that is being scrolled goes on scrolling over a figure; so does one that cannot zoom out. */
    onWheel(event) {
      const outward = event.deltaY > 0 && Math.abs(event.deltaY) >= Math.abs(event.deltaX);
      if (performance.now() - lastScroll < 300 || (outward && this.atFullExtent())) return;
      event.preventDefault();
      const { x, y } = this.position(event);
      const lines = event.deltaMode === 1 ? 30 : 1;
      if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) return this.pan(-event.deltaX * lines, 0);
      const amount = Math.max(-120, Math.min(120, event.deltaY * lines));
      this.zoom(Math.exp(amount / 400), x, y);
    }

    onDown(event) {
      if (event.button !== 0) return;
      this.svg.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, this.position(event));
      this.box = null;
      const boxes = event.pointerType === "mouse" && !event.shiftKey && !this.figure.panning;
      if (boxes) this.box = { from: this.position(event), to: this.position(event) };
    }

    onMove(event) {
      const before = this.pointers.get(event.pointerId);
      const now = this.position(event);
      if (!before) return this.readNearest(now.x, now.y);
      if (this.pointers.size === 2) this.pinch(event.pointerId, before, now);
      else if (this.box) this.box.to = now;
      else this.pan(now.x - before.x, now.y - before.y);
      this.pointers.set(event.pointerId, now);
      this.drawBox();
    }

    pinch(id, before, now) {
      const [, other] = [...this.pointers].find(([key]) => key !== id);
      const distance = (point) => Math.max(8, Math.hypot(point.x - other.x, point.y - other.y));
      this.zoom(distance(before) / distance(now), (now.x + other.x) / 2, (now.y + other.y) / 2);
    }

    onUp(event) {
      const { box } = this;
      this.pointers.delete(event.pointerId);
      this.box = null;
      this.drawBox();
      const at = this.position(event);
      if (box && Math.abs(box.to.x - box.from.x) > 6) this.zoomToBox(box);
      else this.readNearest(at.x, at.y);
    }

    onCancel(event) {
      this.pointers.delete(event.pointerId);
      this.box = null;
      this.drawBox();
    }

    /** A flat box chooses x alone. */
    zoomToBox({ from, to }) {
      const ascending = (a, b) => (a < b ? [a, b] : [b, a]);
      const xs = ascending(this.scaleX.valueAt(from.x), this.scaleX.valueAt(to.x));
      if (Math.abs(to.y - from.y) > 24) {
        this.y = ascending(this.scaleY.valueAt(from.y), this.scaleY.valueAt(to.y));
      }
      this.x = [Math.max(xs[0], this.full[0]), Math.min(xs[1], this.full[1])];
      this.schedule();
    }

    drawBox() {
      this.svg.querySelector(".box")?.remove();
      if (!this.box) return;
      const { from, to } = this.box;
      draw(this.svg, "rect", {
        class: "box",
        x: Math.min(from.x, to.x),
        y: Math.min(from.y, to.y),
        width: Math.abs(to.x - from.x),
        height: Math.abs(to.y - from.y),
      });
    }

    onKey(event) {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      const [x, y] = this.reading
        ? this.place(this.reading.series, this.reading.i)
        : [this.size.width / 2, this.size.height / 2];
      const actions = {
        ArrowRight: () => this.step(1),
        ArrowLeft: () => this.step(-1),
        ArrowUp: () => this.changeSeries(-1),
        ArrowDown: () => this.changeSeries(1),
        Home: () => this.readFirst(),
        End: () => this.readLast(),
        Escape: () => this.hideReading(),
        "+": () => this.zoom(0.7, x, y),
        "=": () => this.zoom(0.7, x, y),
        "-": () => this.zoom(1 / 0.7, x, y),
        0: () => this.reset(),
      };
      if (!Object.hasOwn(actions, event.key)) return;
      event.preventDefault();
      actions[event.key]();
    }
  }

  // ---- One figure ----

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

  let lastScroll = -Infinity;
  addEventListener("scroll", () => (lastScroll = performance.now()), { passive: true });

  for (const section of document.querySelectorAll("section.figure")) {
    const data = section.querySelector('script[type="application/json"]');
    if (data) new FigureView(section, JSON.parse(data.textContent));
  }
})();
