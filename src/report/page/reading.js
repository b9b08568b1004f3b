// The value that is read out on one panel: the nearest to the pointer, or the next by the keys.

class Reading {
  constructor(view) {
    this.view = view;
    this.point = null;
    this.isMarked = false; // The panels on the same axis show where this one reads.
    this.box = html("div", { class: "readout", role: "status", hidden: "" });
  }

  /** Reads the point nearest to a pixel; along x counts more, as lines are read at their x. */
  nearest(x, y) {
    let best = Infinity;
    this.point = null;
    for (const series of this.view.visible()) {
      for (let i = 0; i < series.x.length; i++) {
        if (!this.view.inView(series, i)) continue;
        const [a, b] = this.view.place(series, i);
        const distance = (a - x) ** 2 + 0.3 * (b - y) ** 2;
        if (distance < best) {
          best = distance;
          this.point = { series, i };
        }
      }
    }
    this.draw();
  }

  first() {
    this.nearest(this.view.edges.left, this.view.size.height / 2);
  }

  last() {
    this.nearest(this.view.size.width, this.view.size.height / 2);
  }

  hide() {
    this.point = null;
    this.draw();
  }

  /** Reads the next point in view; beyond its edge, moves the view along. */
  step(direction) {
    const { series, i } = this.point ?? {};
    if (!series) return this.first();
    for (let j = i + direction; j >= 0 && j < series.x.length; j += direction) {
      if (series.y[j] === null || !usable(this.view.spacing.y, series.y[j])) continue;
      this.point = { series, i: j };
      if (!this.view.inView(series, j)) this.view.panTo(series.x[j]);
      return this.draw();
    }
  }

  /** Reads the next series at the same x. */
  changeSeries(direction) {
    if (!this.point) return this.first();
    const all = this.view.visible();
    const { series, i } = this.point;
    for (let k = 1; k < all.length; k++) {
      const other = all.at((all.indexOf(series) + direction * k) % all.length);
      let best = Infinity;
      for (let j = 0; j < other.x.length; j++) {
        const distance = Math.abs(other.x[j] - series.x[i]);
        if (!this.view.inView(other, j) || distance >= best) continue;
        best = distance;
        this.point = { series: other, i: j };
      }
      if (best < Infinity) return this.draw();
    }
  }

  draw() {
    const { view, point } = this;
    view.cursor?.replaceChildren();
    const gone = !point || !view.visible().includes(point.series) || !view.inView(point.series, point.i);
    this.box.hidden = gone;
    if (!gone || this.isMarked) view.figure.pointAt(view, gone ? null : point.series.x[point.i]);
    this.isMarked = !gone;
    if (gone) return;
    const { series, i } = point;
    const [x, y] = view.place(series, i);
    const { left, right, top, bottom } = view.edges;
    draw(view.cursor, "line", { x1: px(x), y1: top, x2: px(x), y2: bottom });
    draw(view.cursor, "line", { x1: left, y1: px(y), x2: right, y2: px(y) });
    if (view.contains([x, y])) draw(view.cursor, "circle", { cx: px(x), cy: px(y), r: 5, stroke: colorOf(series) });
    this.fill(series, i);
    this.place(x, y);
  }

  /** Marks what another panel reads at the same x. */
  mark(x) {
    const { view } = this;
    if (this.isMarked) return;
    view.cursor?.replaceChildren();
    if (x === null || !view.cursor || x < view.x[0] || x > view.x[1]) return;
    const { top, bottom } = view.edges;
    const at = px(view.scaleX.at(x));
    draw(view.cursor, "line", { x1: at, y1: top, x2: at, y2: bottom });
  }

  fill(series, i) {
    const { panel } = this.view;
    const list = html("dl");
    const rows = series.details.map((detail) => [detail.name, detail.values[i]]);
    if (!rows.length) rows.push([panel.x.name, series.x[i]]);
    rows.push([panel.y.name, series.y[i]]);
    for (const [name, value] of rows) list.append(html("dt", {}, name), html("dd", {}, exact(value)));
    const title = html("strong", { style: `border-color: ${colorOf(series)}` }, series.name);
    this.box.replaceChildren(title, list);
  }

  place(x, y) {
    const { size } = this.view;
    const { offsetWidth: width, offsetHeight: height } = this.box;
    const left = x + width + 22 > size.width ? x - width - 14 : x + 14;
    const top = Math.min(Math.max(y - height - 10, 2), size.height - height - 2);
    this.box.style.transform = `translate(${Math.max(0, left)}px, ${top}px)`;
  }
}
