// All figures of the page.

/** Draws the figures whose sections have data; a section that is drawn already gets its new data. */
function drawFigures() {
  for (const section of document.querySelectorAll("section.figure")) {
    const script = section.querySelector('script[type="application/json"]');
    if (!script) continue;
    const data = JSON.parse(script.textContent);
    const drawn = Address.figures.get(data.id);
    if (drawn) drawn.update(data);
    else new FigureView(section, data);
  }
  if (Address.figures.size && !document.querySelector(".controls")) {
    document.querySelector("section.figure").before(html("p", { class: "controls" }, CONTROLS));
  }
}

drawFigures();
Address.read();
addEventListener("hashchange", () => Address.read());
