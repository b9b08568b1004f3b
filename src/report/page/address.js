// The view in the page's address, so that it can be sent: `#walk.epoch=2&walk.x=120..160&at=walk` shows
// that part of that epoch. A figure says and takes parameters; here they are written and read.

const Address = {
  figures: new Map(),
  timer: null,

  /** After a change in `figure`; changes may come in quick succession. */
  changed(figure) {
    this.at = figure.data.id;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.write(), 200);
  },

  write() {
    const parameters = new URLSearchParams();
    for (const [id, figure] of this.figures) {
      for (const [name, value] of figure.parameters()) parameters.append(`${id}.${name}`, value);
    }
    const isPlain = parameters.size === 0;
    if (!isPlain) parameters.set("at", this.at);
    const address = isPlain ? location.pathname + location.search : `#${parameters}`;
    history.replaceState(null, "", address);
  },

  /** Turns every figure to what the address says; an anchor alone says nothing. */
  read() {
    const text = location.hash.slice(1);
    if (!text.includes("=")) return;
    const parameters = new URLSearchParams(text);
    for (const [id, figure] of this.figures) {
      const own = [...parameters].filter(([name]) => name.startsWith(`${id}.`));
      figure.restore(own.map(([name, value]) => [name.slice(id.length + 1), value]));
    }
    document.getElementById(parameters.get("at"))?.scrollIntoView();
  },
};

/** A range as text, and back; null for what is none. */
const rangeText = (range) => range.map((end) => String(Number(end.toPrecision(8)))).join("..");

function rangeOf(text) {
  const ends = text.split("..").map(Number);
  return ends.length === 2 && ends.every(Number.isFinite) && ends[0] < ends[1] ? ends : null;
}
