// Numbers as text, ticks, and values as places on an axis; the same rules as ticks.rs and scale.rs.

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

/** The label of an axis in lines of at most `width` pixels. */
function labelLines(label, width) {
  const most = width / 6.6;
  const lines = [];
  for (const word of label.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= most) lines[lines.length - 1] += ` ${word}`;
    else lines.push(word);
  }
  return lines;
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
    // Zero and infinity are no ends of a logarithmic axis: it would have ticks without number.
    return [Math.max(low / factor, 2 ** -1022), Math.min(high * factor, Number.MAX_VALUE)];
  }
  if (axis.zero) [low, high] = [Math.min(low, 0), Math.max(high, 0)];
  const margin = low === high ? Math.max(Math.abs(low) * 0.1, axis.whole ? 1 : 0.5) : (high - low) * air;
  const bottom = axis.zero && low === 0 ? 0 : low - margin;
  const top = axis.zero && high === 0 && low < 0 ? 0 : high + margin;
  return [bottom, top];
}

// ---- What a panel shows; as scale.rs does it ----

/** The ends of x of all points that the axis can show; [Infinity, -Infinity] without any. */
function extentOf(series, spacing) {
  const values = series.flatMap((one) => one.x).filter((x) => usable(spacing, x));
  const least = (low, x) => Math.min(low, x);
  const most = (high, x) => Math.max(high, x);
  return [values.reduce(least, Infinity), values.reduce(most, -Infinity)];
}

/** The range of x that holds all data. */
function fullRange(axis, spacing, series, [low, high]) {
  if (axis.categories.length) return [-0.5, axis.categories.length - 0.5];
  const scattered = series.some((one) => one.style === "dots" || one.style === "rings");
  return widened(axis, spacing, low, high, scattered ? 0.04 : 0);
}

/** The range of y: what lies within a range of x, with some air. Bounds do not widen it. At the start, its view. */
function rangeOfY({ x: { view }, y: axis }, spacing, series, [first, last]) {
  const isStart = view && axis.view && view[0] === first && view[1] === last;
  if (isStart && spacing.y === axis.spacing) return axis.view;
  let [low, high] = [Infinity, -Infinity];
  for (const { style, x, y } of series) {
    if (style === "whiskers" || style === "band") continue;
    for (let i = 0; i < x.length; i++) {
      if (!usable(spacing.x, x[i]) || !usable(spacing.y, y[i]) || x[i] < first || x[i] > last) continue;
      low = Math.min(low, y[i]);
      high = Math.max(high, y[i]);
    }
  }
  return widened(axis, spacing.y, low, high, 0.06);
}
