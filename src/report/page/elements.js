// Elements of HTML and SVG. Text from outside enters the page as text alone, with its subscripts set.

const SVG = "http://www.w3.org/2000/svg";

/** A text in pieces, plain ones and subscripts in turns; as subscript.rs. */
const pieces = (text) => text.split(/(?<=(?<![\p{L}\p{N}_])[ληθHLgu])_([\p{L}\p{N}]+)/u).filter((piece) => piece);

function html(tag, attributes = {}, text = "") {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...words(text));
  return element;
}

/** A text for an element of HTML. */
const words = (text) => pieces(text).map((piece, i) => (i % 2 ? html("sub", {}, piece) : piece));

function draw(parent, tag, attributes, text = "") {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  for (const [i, piece] of pieces(text).entries()) {
    if (i === 0) element.append(piece);
    else draw(element, "tspan", i % 2 ? { dy: "0.3em", "font-size": "72%" } : { dy: "-0.22em" }, piece);
  }
  parent.append(element);
  return element;
}
