#!/usr/bin/env python3
"""Opens a report.html in a real browser and uses it: reads values, zooms, hides series.

Usage: report.py REPORT.html LINE.jsonl SCREENSHOT.png

LINE.jsonl belongs to the first run of the report. Needs chromium and chromedriver, and nothing from
outside the standard library: it speaks the W3C WebDriver protocol itself. Prints `N passed, N failed`
and exits with 1 if a check failed.
"""

import base64
import contextlib
import csv
import json
import math
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import xml.etree.ElementTree

BROWSER_OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1200,1000",
]
KEYS = {"right": "\ue014", "left": "\ue012", "down": "\ue015", "escape": "\ue00c"}


class Browser:
    """A WebDriver session."""

    def __init__(self, port, profile):
        self.root = f"http://127.0.0.1:{port}"
        self.wait_for_driver()
        options = {
            "binary": shutil.which("chromium"),
            "args": [*BROWSER_OPTIONS, f"--user-data-dir={profile}"],
        }
        logs = {"browser": "ALL", "performance": "ALL"}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": logs}
        session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.root += f"/session/{session['sessionId']}"

    def wait_for_driver(self):
        for _ in range(100):
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                if self.call("GET", "/status")["ready"]:
                    return
            time.sleep(0.1)
        sys.exit("chromedriver does not answer")

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.root + path, data, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def script(self, body, *arguments):
        return self.call("POST", "/execute/sync", {"script": body, "args": list(arguments)})

    def settle(self):
        """Waits until the page has drawn what was asked for."""
        body = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done));"
        self.call("POST", "/execute/async", {"script": body, "args": []})

    def log(self, kind):
        return self.call("POST", "/se/log", {"type": kind})

    def cdp(self, command, **parameters):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def act(self, kind, actions, **parameters):
        source = {"type": kind, "id": kind, "actions": actions, **parameters}
        self.call("POST", "/actions", {"actions": [source]})
        self.settle()

    def mouse(self, *actions):
        self.act("pointer", list(actions), parameters={"pointerType": "mouse"})

    def move_to(self, x, y):
        self.mouse(moved(x, y))

    def wheel(self, x, y, amount, modifiers=0):
        """Turns the wheel; modifiers: 2 for Ctrl, 4 for Cmd."""
        where = {"x": x, "y": y, "deltaX": 0, "deltaY": amount, "modifiers": modifiers}
        self.cdp("Input.dispatchMouseEvent", type="mouseWheel", **where)
        time.sleep(0.3)  # Scrolling is smooth.
        self.settle()

    def key(self, value):
        self.act("key", [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}])

    def click(self, selector):
        self.script("document.querySelector(arguments[0]).click()", selector)
        self.settle()

    def texts(self, selector):
        return self.script(
            "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)", selector
        )


def moved(x, y):
    return {"type": "pointerMove", "duration": 0, "x": round(x), "y": round(y), "origin": "viewport"}


class Checks:
    """Counts what held and prints what did not."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, what, holds, found=""):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED: {what} {found}")


PLOT = "#%s .frame > svg"
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]

# What page/axes.js, page/legend.js and page/elements.js make of golden cases.
AXES = """
const golden = arguments[0];
const ticks = ({ spacing, range, most, whole }) =>
  (spacing === "log" ? logTicks : linearTicks)(range, most, whole);
const scale = ({ spacing, values, pixels, places }) => {
  const scale = new Scale(spacing, values, pixels);
  return places.map(({ value }) => scale.at(value));
};
const range = ({ axis, values, air }) =>
  widened(axis, axis.spacing, Math.min(...values), Math.max(...values), air);
const view = ({ panel, within }) => {
  const { x, y, series } = panel;
  const spacing = { x: x.spacing, y: y.spacing };
  const full = x.view ?? fullRange(x, spacing.x, series, extentOf(series, spacing.x));
  return [full, rangeOfY(panel, spacing, series, full), rangeOfY(panel, spacing, series, within)];
};
const placed = ({ panels }) => [sharesLegend(panels), panels.map(needsLegend)];
return [
  golden.ticks.map(ticks), golden.scales.map(scale), golden.ranges.map(range), golden.views.map(view),
  golden.legends.map(placed), golden.subscripts.map(({ text }) => pieces(text)),
];
"""


LABELS_OF_PANELS = """
const texts = (panel) => [...panel.querySelectorAll(".tick-x")].map((tick) => tick.textContent);
return [...document.querySelectorAll(`#${arguments[0]} .panel`)].map(texts);
"""


def plot_frame(browser, figure):
    """Scrolls a figure into view; the rectangle of its plot."""
    rectangle = browser.script(
        "const e = document.querySelector(arguments[0]); e.scrollIntoView({block: 'center'});"
        "const r = e.getBoundingClientRect(); return [r.left, r.top, r.width, r.height];",
        PLOT % figure,
    )
    browser.settle()
    return rectangle


def readout(browser, figure):
    """The values that are read out, by name; None if nothing is."""
    return browser.script(
        "const e = document.querySelector(`#${arguments[0]} .readout`); if (e.hidden) return null;"
        "const all = (tag) => [...e.querySelectorAll(tag)].map((one) => one.textContent);"
        "const values = all('dd'); return Object.fromEntries(all('dt').map((n, i) => [n, values[i]]));",
        figure,
    )


def check_everything_is_drawn(browser, checks):
    sizes = browser.script(
        "return [...document.querySelectorAll('.frame > svg')].map((svg) => {"
        " const r = svg.getBoundingClientRect();"
        " return [svg.closest('section').id, r.width, r.height, svg.querySelectorAll('.data > *').length]; })"
    )
    checks.check("there are figures", len(sizes) > 0)
    for figure, width, height, marks in sizes:
        checks.check(f"{figure} is drawn", width > 200 and height > 120 and marks > 0, (width, height, marks))
    cut = browser.script("return document.querySelectorAll('[clip-path] .triangle').length")
    checks.check("marks of barriers are whole", cut == 0, cut)


def is_close(found, expected):
    """Equal but for the rounding of logarithms and powers."""
    pairs = zip(found, expected, strict=True)
    return all(math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-300) for a, b in pairs)


def check_axes(browser, checks):
    """The page's axes are the images': golden values, which a Rust test holds the images' axes to."""
    sources = [REPOSITORY / f"src/report/page/{name}.js" for name in ("elements", "axes", "legend")]
    script = "".join(source.read_text(encoding="utf-8") for source in sources)
    golden = json.loads((REPOSITORY / "tests/golden/axes.json").read_text(encoding="utf-8"))
    ticks, scales, ranges, views, legends, subscripts = browser.script(script + AXES, golden)
    for found, case in zip(ticks, golden["ticks"], strict=True):
        labels = [[tick["label"] for tick in some] for some in (found, case["ticks"])]
        checks.check("labels are golden", labels[0] == labels[1], (case, found))
        places = [[tick["at"] for tick in some] for some in (found, case["ticks"])]
        same = len(places[0]) == len(places[1]) and is_close(*places)
        checks.check("ticks are golden", same, (case, found))
    for found, case in zip(scales, golden["scales"], strict=True):
        same = is_close(found, [place["pixel"] for place in case["places"]])
        checks.check("places are golden", same, (case, found))
    for found, case in zip(ranges, golden["ranges"], strict=True):
        checks.check("ranges are golden", is_close(found, case["range"]), (case, found))
    for found, case in zip(views, golden["views"], strict=True):
        expected = [case["x"], case["y"], case["y_within"]]
        same = all(is_close(*pair) for pair in zip(found, expected, strict=True))
        checks.check("views are golden", same, (case, found))
    for found, case in zip(legends, golden["legends"], strict=True):
        checks.check("legends are golden", found == [case["shares"], case["needs"]], (case, found))
    for found, case in zip(subscripts, golden["subscripts"], strict=True):
        checks.check("subscripts are golden", found == case["pieces"], (case, found))


def check_reading(browser, checks, walk, lines):
    left, top, width, height = plot_frame(browser, walk)
    browser.move_to(left + width / 2, top + height / 2)
    values = readout(browser, walk)
    checks.check("hovering reads a value", values is not None)
    if values is None:
        return
    line = lines.get(int(values["step"]))
    checks.check("the step was measured", line is not None, values)
    losses = dict(zip(line["alphas"], line["losses"])) | {line["floor_alpha"]: line["floor_loss"]}
    expected = losses.get(float(values["alpha"]))
    close = expected is not None and abs(float(values["loss"]) - expected) <= 1e-8 * abs(expected)
    checks.check("the loss read out is that of the records", close, (values, expected))


def check_keyboard(browser, checks, walk):
    browser.script("document.querySelector(arguments[0]).focus()", PLOT % walk)
    browser.key(KEYS["escape"])
    checks.check("escape hides the readout", readout(browser, walk) is None)
    seen = []
    for key in ("right", "right", "right", "left", "down"):
        browser.key(KEYS[key])
        seen.append(readout(browser, walk))
    checks.check("arrow keys read values", None not in seen, seen)
    checks.check("right goes on", seen[0] != seen[1] != seen[2], seen)
    checks.check("left goes back", seen[3] == seen[1], seen)


def check_zoom(browser, checks, walk):
    ticks = f"#{walk} .tick-x"
    left, top, width, height = plot_frame(browser, walk)
    middle = (round(left + width / 2), round(top + height / 2))
    start = browser.texts(ticks)
    browser.move_to(*middle)
    top_of_page = browser.script("return scrollY")
    browser.wheel(*middle, 60)
    checks.check("the wheel alone scrolls", browser.script("return scrollY") > top_of_page)
    checks.check("the wheel alone does not zoom", browser.texts(ticks) == start)
    left, top, width, height = plot_frame(browser, walk)
    browser.wheel(*middle, -360, modifiers=2)
    checks.check("the wheel with Ctrl zooms", browser.texts(ticks) != start)
    ranges = browser.script(LABELS_OF_PANELS, walk)
    checks.check("panels on one axis zoom together", len(set(map(tuple, ranges))) == 1, ranges)
    browser.click(f"#{walk} .reset")
    checks.check("reset restores the axis", browser.texts(ticks) == start)
    browser.mouse(
        moved(left + width * 0.3, top + height * 0.3),
        {"type": "pointerDown", "button": 0},
        moved(left + width * 0.5, top + height * 0.7),
        {"type": "pointerUp", "button": 0},
    )
    checks.check("a box zooms", browser.texts(ticks) != start)
    press = [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
    browser.mouse(moved(*middle), *press, *press)
    checks.check("a double click resets", browser.texts(ticks) == start, browser.texts(ticks))


def check_controls(browser, checks, walk):
    marks = f"return document.querySelectorAll('#{walk} .frame .data > *').length"
    before = browser.script(marks)
    browser.click(f"#{walk} .legend button")
    checks.check("the legend hides a series", browser.script(marks) < before)
    browser.click(f"#{walk} .legend button")
    checks.check("the legend shows it again", browser.script(marks) == before)
    labels = f"#{walk} .tick-y"
    linear = browser.texts(labels)
    browser.click(f"#{walk} .log-y")
    browser.click(f"#{walk} .log-y")
    checks.check("the logarithm can be switched on and off", browser.texts(labels) == linear)
    epochs = browser.texts(f"#{walk} option")
    if len(epochs) > 1:
        browser.script(
            "const s = document.querySelector(arguments[0]); s.value = 1; s.dispatchEvent(new Event('change'))",
            f"#{walk} select",
        )
        browser.settle()
        checks.check("the epoch can be chosen", browser.texts(f"#{walk} h3")[0] == f"Epoch {epochs[1]}")


def check_address(browser, checks, walk, address):
    """A view is in the address, and comes back from it."""
    browser.call("POST", "/url", {"url": address})
    browser.settle()
    left, top, width, height = plot_frame(browser, walk)
    browser.click(f"#{walk} .log-y")
    browser.wheel(round(left + width / 2), round(top + height / 2), -360, modifiers=2)
    browser.click(f"#{walk} .legend button")
    time.sleep(0.5)  # The address follows with a delay.
    here = browser.script("return location.href")
    checks.check("the view is in the address", f"#{walk}." in here and f"{walk}.x=" in here, here)
    state = f"return [...document.querySelectorAll('#{walk} .tick')].map((tick) => tick.textContent)"
    shown, hidden = browser.script(state), browser.texts(f"#{walk} [aria-pressed=false]")
    browser.call("POST", "/url", {"url": "about:blank"})
    browser.call("POST", "/url", {"url": here})
    browser.settle()
    found = browser.script(state), browser.texts(f"#{walk} [aria-pressed=false]")
    checks.check("the address shows the view again", found == (shown, hidden), (found, shown, hidden))
    broken = "x=9..1&W.y=a..b&W.spacing-y=none&W.epoch=none&at=none".replace("W", walk)
    browser.call("POST", "/url", {"url": "about:blank"})
    browser.call("POST", "/url", {"url": f"{address}#{walk}.{broken}"})
    browser.settle()
    check_everything_is_drawn(browser, checks)


def check_saving(browser, checks, walk, lines):
    """What is saved is what is shown."""
    with tempfile.TemporaryDirectory() as folder:
        browser.cdp("Browser.setDownloadBehavior", behavior="allow", downloadPath=folder)
        saved = {kind: saved_file(browser, walk, kind, folder) for kind in ("svg", "png", "csv")}
    checks.check("the PNG is one", saved["png"].startswith(b"\x89PNG") and len(saved["png"]) > 5000)
    root = xml.etree.ElementTree.fromstring(saved["svg"])
    looks = [element for element in root.iter() if "class" in element.attrib or "style" in element.attrib]
    checks.check("the SVG needs no style sheet", not looks and b"var(" not in saved["svg"])
    plots = [element for element in root if element.tag.endswith("svg") and element.get("viewBox")]
    panels = browser.script(f"return document.querySelectorAll('#{walk} .panel').length")
    checks.check("the SVG has every panel", len(plots) >= panels > 0, (len(plots), panels))
    rows = list(csv.DictReader(saved["csv"].decode().splitlines()))
    losses = [row for row in rows if row["series"] == "loss"]
    checks.check("the CSV has the losses in view", losses)
    for row in losses:
        line = lines[int(row["step"])]
        expected = dict(zip(line["alphas"], line["losses"]))[float(row["alpha"])]
        checks.check("saved losses are the records'", math.isclose(float(row["loss"]), expected, rel_tol=1e-8))
    text = browser.texts(f"#{walk} .shown")[0]
    counted = int(re.search(r"([\d\u202f]+) (?:of [\d\u202f]+ )?points", text)[1].replace("\u202f", ""))
    in_first = [row for row in rows if row["panel"] == rows[0]["panel"]]
    checks.check("the CSV has as many values as are shown", len(in_first) == counted, (len(in_first), text))


def saved_file(browser, walk, kind, folder):
    browser.click(f"#{walk} .save-{kind}")
    path = pathlib.Path(folder) / f"{walk}.{kind}"
    for _ in range(100):
        if path.exists() and path.stat().st_size > 0:
            time.sleep(0.1)
            return path.read_bytes()
        time.sleep(0.1)
    return b""


def check_print(browser, checks):
    """On paper there are figures and no controls."""
    browser.cdp("Emulation.setEmulatedMedia", media="print")
    browser.settle()
    shown = browser.script(
        "const shown = (e) => getComputedStyle(e).display !== 'none';"
        "const count = (which) => [...document.querySelectorAll(which)].filter(shown).length;"
        "return [count('.toolbar'), count('nav'), count('.frame > svg')]"
    )
    checks.check("paper has no controls", shown[:2] == [0, 0], shown)
    checks.check("paper has the figures", shown[2] > 0, shown)
    browser.cdp("Emulation.setEmulatedMedia", media="")
    browser.settle()


def check_schemes_and_widths(browser, checks):
    ground = "return getComputedStyle(document.body).backgroundColor"
    light = browser.script(ground)
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.cdp("Emulation.setEmulatedMedia", features=dark)
    checks.check("there is a dark scheme", browser.script(ground) != light)
    browser.cdp("Emulation.setEmulatedMedia", features=[])
    size = {"width": 390, "height": 800, "deviceScaleFactor": 2, "mobile": True}
    browser.cdp("Emulation.setDeviceMetricsOverride", **size)
    browser.settle()
    overflow = browser.script("return document.documentElement.scrollWidth - innerWidth")
    checks.check("a narrow page does not overflow", overflow <= 0, overflow)
    browser.cdp("Emulation.clearDeviceMetricsOverride")
    browser.settle()


def check_quiet(browser, checks, address):
    """No message on the console, no request but for the page itself."""
    messages = browser.log("browser")
    checks.check("the console is silent", not messages, messages)
    events = [json.loads(entry["message"])["message"] for entry in browser.log("performance")]
    requests = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
    # The browser's own start page, which it may show before ours, does not count.
    ours = [r for r in requests if not r["documentURL"].startswith("chrome://")]
    sent = [r["request"]["url"] for r in ours]
    foreign = [url for url in sent if url.split("#")[0] != address and url != "about:blank" and not url.startswith(("data:", "blob:"))]
    checks.check("the page was requested", address in sent, sent)
    checks.check("nothing else was", not foreign, foreign)


def screenshot(browser, path):
    browser.script("scrollTo(0, 0); document.activeElement.blur()")
    browser.settle()
    shot = browser.cdp("Page.captureScreenshot", captureBeyondViewport=True)
    pathlib.Path(path).write_bytes(base64.b64decode(shot["data"]))


def use(browser, page, line_file, picture):
    checks = Checks()
    address = pathlib.Path(page).resolve().as_uri()
    records = pathlib.Path(line_file).read_text(encoding="utf-8").splitlines()
    lines = {record["step"]: record for record in map(json.loads, records)}
    browser.call("POST", "/url", {"url": address})
    browser.settle()
    screenshot(browser, picture)
    walk = browser.script("return document.querySelector('section.figure').id")
    check_everything_is_drawn(browser, checks)
    check_axes(browser, checks)
    check_reading(browser, checks, walk, lines)
    check_keyboard(browser, checks, walk)
    check_zoom(browser, checks, walk)
    check_controls(browser, checks, walk)
    check_schemes_and_widths(browser, checks)
    check_print(browser, checks)
    check_address(browser, checks, walk, address)
    browser.call("POST", "/url", {"url": "about:blank"})
    browser.call("POST", "/url", {"url": address})
    browser.settle()
    check_saving(browser, checks, walk, lines)
    check_quiet(browser, checks, address)
    return checks


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def in_browser(use, *arguments):
    """Calls `use` with a browser, prints what came of its checks and exits."""
    port = free_port()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        driver = subprocess.Popen(
            ["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        browser = None
        try:
            browser = Browser(port, profile)
            checks = use(browser, *arguments)
        finally:
            if browser:
                with contextlib.suppress(OSError):
                    browser.call("DELETE", "")
            driver.terminate()
            driver.wait(10)
    print(f"{checks.passed} passed, {checks.failed} failed")
    sys.exit(checks.failed > 0)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    in_browser(use, *sys.argv[1:])
