// A figure: its controls, its legend and its panels, drawn in place of the image.

const CONTROLS =
  "Point at a figure, or use the arrow keys on it, to read values. Draw a box to zoom, or turn the wheel with " +
  "Ctrl or ⌘ held; drag with Shift to pan, double-click to reset; click a name to hide it. The address " +
  "holds the view: copy it to send what you see.";
const ALONE = { share: 0.46, least: 260, most: 420 };
const FIRST_OF_STACK = { share: 0.3, least: 230, most: 320 };
const BELOW = { share: 0.15, least: 130, most: 170 };

class FigureView {
  constructor(section, data) {
    Object.assign(this, { section, data, hidden: new Set(), panning: false, views: [] });
    this.root = html("div", { class: "interactive" });
    section.querySelector(".plot").replaceChildren(this.root);
    this.build(this.indexIn([]));
    Address.figures.set(data.id, this);
  }

  /** New data of the same figure; what the reader chose stays. */
  update(data) {
    const parameters = this.parameters();
    // Who has turned to something stays with it, though the page would begin elsewhere by now.
    const hasChoice = this.data.choice && data.choice;
    if (parameters.length && hasChoice) parameters.push([data.choice.name, this.nameOf(this.chosen)]);
    this.data = data;
    const index = this.indexIn(parameters);
    const panels = this.panelsOf(index);
    const isSame = panels.length === this.views.length && panels.every((panel, i) => panel.title === this.views[i].panel.title);
    if (!isSame) return this.restore(parameters);
    this.chosen = index;
    const atStart = this.views.map((view) => view.isAtStart());
    this.views.forEach((view, i) => view.setPanel(panels[i]));
    this.link();
    this.views.forEach((view, i) => view.turn(atStart[i] ? view.start() : view.clamped(view.x), view.y));
    this.drawLegends();
    const toolbar = this.root.querySelector(".toolbar");
    if (!toolbar.contains(document.activeElement)) toolbar.replaceWith(this.toolbar());
  }

  /** The panels of a choice; all where there is none. */
  panelsOf(index) {
    const { choice, panels } = this.data;
    return choice ? panels.slice(index * choice.panels, (index + 1) * choice.panels) : panels;
  }

  build(index) {
    this.chosen = index;
    const panels = this.panelsOf(index);
    const linked = this.data.choice !== null;
    this.views = panels.map((panel, i) => {
      const labelled = !linked || i === panels.length - 1;
      const size = !linked || panels.length === 1 ? ALONE : i ? BELOW : FIRST_OF_STACK;
      return new PanelView(this, panel, { ...size, labelled });
    });
    this.link();
    const grid = html("div", { class: `panels columns-${linked ? 1 : this.data.columns}` });
    grid.append(...this.views.map((view) => view.root));
    grid.classList.toggle("stack", linked);
    this.root.replaceChildren(this.toolbar(), grid);
    this.drawLegends();
  }

  /** Panels on one axis show all that any of them has. */
  link() {
    if (!this.data.choice) return;
    const low = Math.min(...this.views.map((view) => view.extent[0]));
    const high = Math.max(...this.views.map((view) => view.extent[1]));
    if (!(low < high)) return;
    for (const view of this.views) {
      const isStart = view.isAtStart();
      view.full = [low, high];
      if (isStart) view.turn(view.start(), null);
    }
  }

  /** One legend above where all panels share it, else one above each. */
  drawLegends() {
    this.root.querySelectorAll(".legend").forEach((old) => old.remove());
    const panels = this.views.map((view) => view.panel);
    if (!panels.some(needsLegend)) return;
    if (sharesLegend(panels)) return this.root.querySelector(".panels").before(legend(this, panels));
    for (const { panel, frame } of this.views.filter((view) => needsLegend(view.panel))) {
      frame.before(legend(this, [panel]));
    }
  }

  toggle(name) {
    if (!this.hidden.delete(name)) this.hidden.add(name);
    this.drawLegends();
    this.views.forEach((view) => view.schedule());
    Address.changed(this);
  }

  /** A panel has turned: those that share its axis turn along. */
  turned(view) {
    if (this.data.choice) {
      for (const other of this.views) if (other !== view) other.turn(view.x, other.y);
    }
    Address.changed(this);
  }

  /** Room at the left for the widest label of any panel, so that their plots align. */
  gutter() {
    return Math.max(MARGIN.left, ...this.views.map((view) => view.gutter ?? 0));
  }

  /** A panel reads a value at x; its neighbours on the same axis show where. */
  pointAt(view, x) {
    if (!this.data.choice) return;
    for (const other of this.views) if (other !== view) other.reading.mark(x);
  }

  // -- Controls --

  toolbar() {
    const bar = html("div", { class: "toolbar", role: "group", "aria-label": "Controls" });
    if (this.data.choice && this.data.panels.length > this.data.choice.panels) bar.append(this.chooser());
    for (const axis of ["y", "x"]) {
      if (this.views.some((view) => view.panel[axis].switch)) bar.append(this.logSwitch(axis));
    }
    bar.append(this.switchButton("Drag pans", "pan", (on) => (this.panning = on), this.panning));
    if (this.views.some((view) => rangeText(view.start()) !== rangeText(view.full))) {
      bar.append(this.button("Show all", "all", () => this.views.forEach((view) => view.showAll())));
    }
    bar.append(this.button("Reset", "reset", () => this.views.forEach((view) => view.reset())));
    const save = html("span", { class: "save" }, "Save view: ");
    for (const [text, action] of [["SVG", saveSvg], ["PNG", savePng], ["CSV", saveCsv]]) {
      save.append(this.button(text, `save-${text.toLowerCase()}`, () => action(this)));
    }
    bar.append(save);
    return bar;
  }

  chooser() {
    const { name, panels } = this.data.choice;
    const label = html("label", {}, `${name} `);
    const select = html("select");
    for (let i = 0; i * panels < this.data.panels.length; i++) {
      select.append(html("option", { value: i }, this.nameOf(i)));
    }
    select.value = this.chosen;
    select.addEventListener("change", () => {
      this.build(Number(select.value));
      Address.changed(this);
    });
    label.append(select);
    return label;
  }

  /** "2" of the panel "Epoch 2". */
  nameOf(index) {
    return this.panelsOf(index)[0].title.replace(/^\w+ /, "");
  }

  logSwitch(axis) {
    const views = this.views.filter((view) => view.panel[axis].switch);
    const change = (on) => {
      views.forEach((view) => view.setSpacing(axis, on ? "log" : "linear"));
      Address.changed(this);
    };
    return this.switchButton(`Log ${axis}`, `log-${axis}`, change, views[0].spacing[axis] === "log");
  }

  switchButton(text, kind, change, on = false) {
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

  // -- The view in the address --

  /** Names and values of all that is not as it was at first. */
  parameters() {
    const found = [];
    const { choice } = this.data;
    if (choice && this.chosen !== choice.opening) found.push([choice.name, this.nameOf(this.chosen)]);
    for (const axis of ["x", "y"]) {
      const view = this.views.find((one) => one.panel[axis].switch);
      if (view && view.spacing[axis] !== view.panel[axis].spacing) found.push([`spacing-${axis}`, view.spacing[axis]]);
    }
    for (const [i, view] of this.views.entries()) {
      const { x, y } = view;
      const isMoved = rangeText(x) !== rangeText(view.start());
      if (isMoved && !(choice && i > 0)) found.push([`x${i || ""}`, rangeText(x)]);
      if (y) found.push([`y${i || ""}`, rangeText(y)]);
    }
    for (const name of this.hidden) found.push(["hide", name]);
    return found;
  }

  /** The choice that parameters name, or the one to begin with. */
  indexIn(parameters) {
    const { choice, panels } = this.data;
    if (!choice) return 0;
    const name = new Map(parameters).get(choice.name);
    const count = panels.length / choice.panels;
    const named = [...Array(count).keys()].find((i) => this.nameOf(i) === name);
    return named ?? choice.opening;
  }

  /** The reverse of `parameters`; passes over what this figure does not have. */
  restore(parameters) {
    const values = new Map(parameters);
    const { choice } = this.data;
    this.hidden = new Set(parameters.filter(([name]) => name === "hide").map(([, name]) => name));
    this.build(this.indexIn(parameters));
    for (const axis of ["x", "y"]) {
      const spacing = values.get(`spacing-${axis}`);
      if (spacing !== "log" && spacing !== "linear") continue;
      this.views.filter((view) => view.panel[axis].switch).forEach((view) => view.setSpacing(axis, spacing));
      this.root.querySelector(`.log-${axis}`)?.setAttribute("aria-pressed", spacing === "log");
    }
    for (const [i, view] of this.views.entries()) {
      const x = rangeOf(values.get(`x${choice ? "" : i || ""}`) ?? "");
      const y = rangeOf(values.get(`y${i || ""}`) ?? "");
      const isUsable = x && usable(view.spacing.x, x[0]) && x[0] < view.full[1] && x[1] > view.full[0];
      view.turn(isUsable ? view.clamped(x) : view.x, y && usable(view.spacing.y, y[0]) ? y : null);
    }
  }
}
