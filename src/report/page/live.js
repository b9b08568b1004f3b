// A served page: the server says how far the run is, and when it has a newer page. What is new is put into
// this one, so that what the reader chose stays.

const Live = {
  listen() {
    const version = document.querySelector('meta[name="version"]');
    if (!version) return;
    const source = new EventSource(`events?since=${version.content}`);
    source.addEventListener("title", (event) => (document.title = event.data));
    source.addEventListener("page", () => this.fetch());
    source.addEventListener("open", () => this.note.remove());
    source.addEventListener("error", () => document.querySelector("header").append(this.note));
  },

  note: html("p", { class: "note", role: "status" }, "The server has ended: this is the last that it showed."),

  async fetch() {
    const answer = await fetch(location.pathname, { cache: "no-store" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of ["header", "nav"]) this.replace(document.querySelector(part), page.querySelector(part));
    this.merge(document.querySelector("main"), page.querySelector("main"));
    drawFigures();
  },

  /** Puts the parts of the newer page in place of ours; a figure that is drawn stays and gets its new data. */
  merge(ours, newer) {
    let place = ours.firstElementChild;
    const removeUpTo = (end) => {
      while (place !== end) {
        const gone = place;
        place = place.nextElementSibling;
        gone.remove();
      }
    };
    for (const part of [...newer.children]) {
      const own = part.id && document.getElementById(part.id);
      if (own && this.isDrawn(own) && part.querySelector(".plot")) {
        removeUpTo(own);
        place = own.nextElementSibling;
        this.renew(own, part);
      } else {
        Address.figures.delete(part.id);
        if (own) this.keepOpen(own, part);
        ours.insertBefore(part, place);
      }
    }
    removeUpTo(null);
  },

  isDrawn(section) {
    return Address.figures.get(section.id)?.section === section;
  },

  /** New words and data around a plot that stays where it is. */
  renew(own, newer) {
    const plot = own.querySelector(".plot");
    for (const child of [...own.children]) if (child !== plot) child.remove();
    let isAbove = true;
    for (const child of [...newer.children]) {
      if (child.matches(".plot")) isAbove = false;
      else if (isAbove) plot.before(child);
      else own.append(child);
    }
  },

  replace(own, newer) {
    if (own && newer && own.outerHTML !== newer.outerHTML) own.replaceWith(newer);
  },

  /** What the reader has unfolded stays unfolded. */
  keepOpen(own, newer) {
    const ours = own.querySelectorAll("details");
    newer.querySelectorAll("details").forEach((one, i) => (one.open = ours[i]?.open ?? one.open));
  },
};

Live.listen();
