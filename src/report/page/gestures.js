// The mouse, fingers and keys on one panel.

class Gestures {
  constructor(view) {
    Object.assign(this, { view, pointers: new Map(), box: null });
    this.listen();
  }

  listen() {
    const { svg } = this.view;
    svg.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    svg.addEventListener("pointerdown", (event) => this.onDown(event));
    svg.addEventListener("pointermove", (event) => this.onMove(event));
    svg.addEventListener("pointerup", (event) => this.onUp(event));
    svg.addEventListener("pointercancel", (event) => this.onCancel(event));
    svg.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && this.view.reading.hide());
    svg.addEventListener("dblclick", () => this.view.reset());
    svg.addEventListener("keydown", (event) => this.onKey(event));
    svg.addEventListener("blur", () => this.view.reading.hide());
  }

  position(event) {
    const { left, top } = this.view.svg.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  /** The wheel scrolls the page unless Ctrl or Cmd is held; a pinch on a touchpad counts as that. */
  onWheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const { x, y } = this.position(event);
    const amount = event.deltaY * (event.deltaMode === 1 ? 30 : 1);
    this.view.zoom(Math.exp(Math.max(-120, Math.min(120, amount)) / 400), x, y);
  }

  onDown(event) {
    if (event.button !== 0) return;
    this.view.svg.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.position(event));
    this.box = null;
    const boxes = event.pointerType === "mouse" && !event.shiftKey && !this.view.figure.panning;
    if (boxes) this.box = { from: this.position(event), to: this.position(event) };
  }

  onMove(event) {
    const before = this.pointers.get(event.pointerId);
    const now = this.position(event);
    if (!before) return this.view.reading.nearest(now.x, now.y);
    if (this.pointers.size === 2) this.pinch(event.pointerId, before, now);
    else if (this.box) this.box.to = now;
    else this.view.pan(now.x - before.x, now.y - before.y);
    this.pointers.set(event.pointerId, now);
    this.drawBox();
  }

  pinch(id, before, now) {
    const [, other] = [...this.pointers].find(([key]) => key !== id);
    const distance = (point) => Math.max(8, Math.hypot(point.x - other.x, point.y - other.y));
    this.view.zoom(distance(before) / distance(now), (now.x + other.x) / 2, (now.y + other.y) / 2);
  }

  onUp(event) {
    const { box } = this;
    this.pointers.delete(event.pointerId);
    this.box = null;
    this.drawBox();
    const at = this.position(event);
    if (box && Math.abs(box.to.x - box.from.x) > 6) this.zoomToBox(box);
    else this.view.reading.nearest(at.x, at.y);
  }

  onCancel(event) {
    this.pointers.delete(event.pointerId);
    this.box = null;
    this.drawBox();
  }

  /** A flat box chooses x alone. */
  zoomToBox({ from, to }) {
    const ascending = (a, b) => (a < b ? [a, b] : [b, a]);
    const xs = ascending(this.view.scaleX.valueAt(from.x), this.view.scaleX.valueAt(to.x));
    const ys = ascending(this.view.scaleY.valueAt(from.y), this.view.scaleY.valueAt(to.y));
    const flat = Math.abs(to.y - from.y) <= 24;
    const [low, high] = this.view.full;
    this.view.look([Math.max(xs[0], low), Math.min(xs[1], high)], flat ? this.view.y : ys);
  }

  drawBox() {
    this.view.svg.querySelector(".box")?.remove();
    if (!this.box) return;
    const { from, to } = this.box;
    draw(this.view.svg, "rect", {
      class: "box",
      x: Math.min(from.x, to.x),
      y: Math.min(from.y, to.y),
      width: Math.abs(to.x - from.x),
      height: Math.abs(to.y - from.y),
    });
  }

  onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const { point } = this.view.reading;
    const [x, y] = point
      ? this.view.place(point.series, point.i)
      : [this.view.size.width / 2, this.view.size.height / 2];
    const actions = {
      ArrowRight: () => this.view.reading.step(1),
      ArrowLeft: () => this.view.reading.step(-1),
      ArrowUp: () => this.view.reading.changeSeries(-1),
      ArrowDown: () => this.view.reading.changeSeries(1),
      Home: () => this.view.reading.first(),
      End: () => this.view.reading.last(),
      Escape: () => this.view.reading.hide(),
      "+": () => this.view.zoom(0.7, x, y),
      "=": () => this.view.zoom(0.7, x, y),
      "-": () => this.view.zoom(1 / 0.7, x, y),
      0: () => this.view.reset(),
    };
    if (!Object.hasOwn(actions, event.key)) return;
    event.preventDefault();
    actions[event.key]();
  }
}
