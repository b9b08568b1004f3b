#!/usr/bin/env python3
"""Watches a run in a real browser while it goes on, then one that is done.

Usage: watch.py LOSSWALK SCREENSHOT.png

The page that `losswalk run --watch` serves is opened before the first measured update. Of a run that no
machine ends meanwhile, what the reader chooses must stay while records arrive, and the title must say how
far it is; of a short one, every update must be there in the end. Needs what report.py needs.
"""

import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from report import PLOT, Checks, check_everything_is_drawn, in_browser, plot_frame, screenshot

SETTINGS = ["train.batch_size=50", "measure.points=40"]
# Of every epoch: the first of them is whole after a moment.
POINTS = (
    "return JSON.parse(document.querySelector('#walk script').textContent)"
    ".panels.reduce((sum, panel) => sum + panel.series[0].x.length, 0)"
)
CHOSEN = "return [...document.querySelectorAll('#walk [aria-pressed=false]')].map((e) => e.textContent)"


def wait_for(what, holds, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.2)
    print(f"waited in vain for {what}")
    return False


def start(program, folder, epochs):
    command = [program, "run", "experiments/quickstart.toml", "--out", str(folder), "--watch"]
    for setting in [f"train.epochs={epochs}", *SETTINGS]:
        command += ["--set", setting]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for line in run.stderr:
        if line.startswith("watch: "):
            return run, line.split()[1]
    sys.exit("the run names no address")


def open_page(browser, checks, address):
    browser.call("POST", "/url", {"url": address})
    drawn = "return document.querySelectorAll('#walk .frame').length > 0"
    checks.check("figures come with the records", wait_for("figures", lambda: browser.script(drawn)))


def is_lost(browser):
    lost = "return document.querySelector('header [role=status]') !== null"
    return wait_for("the note", lambda: browser.script(lost), 20)


def watch_long(browser, checks, program, folder, picture):
    run, address = start(program, folder, 5000)
    open_page(browser, checks, address)
    title = lambda: browser.script("return document.title")
    is_told = wait_for("the time left", lambda: "% ·" in title() and "left ·" in title(), 30)
    checks.check("the title says how far the run is", is_told, title())
    screenshot(browser, picture)
    browser.click("#walk .legend button")
    browser.click("#walk .log-y")
    left, top, width, height = plot_frame(browser, "walk")
    browser.wheel(round(left + width / 2), round(top + height / 2), -360, modifiers=2)
    browser.script("document.querySelector(arguments[0]).focus()", PLOT % "walk")
    chosen, ticks, before = browser.script(CHOSEN), browser.texts("#walk .tick-x"), browser.script(POINTS)
    checks.check("the page grows", wait_for("points", lambda: browser.script(POINTS) > before), before)
    checks.check("what is hidden stays hidden", browser.script(CHOSEN) == chosen, (browser.script(CHOSEN), chosen))
    checks.check("what is zoomed stays zoomed", browser.texts("#walk .tick-x") == ticks)
    focus = browser.script("return document.activeElement.closest('section')?.id")
    checks.check("the focus stays", focus == "walk", focus)
    run.send_signal(signal.SIGINT)
    checks.check("the run was under way", run.wait(60) == 130, run.returncode)
    checks.check("the page says when the server has ended", is_lost(browser))


def watch_to_the_end(browser, checks, program, folder):
    run, address = start(program, folder, 6)
    open_page(browser, checks, address)
    checks.check("the run ends well", run.wait(300) == 0)
    checks.check("the page says when the run has ended", is_lost(browser))
    title = browser.script("return document.title")
    checks.check("the title says done", title == "done · quickstart", title)
    shown = browser.script("return document.body.textContent")
    checks.check("the page is that of the whole run", "running, or killed" not in shown)


def watch_done(browser, checks, program, folder):
    steps = len((folder / "line.jsonl").read_text().splitlines())
    server = subprocess.Popen([program, "watch", str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        browser.call("POST", "/url", {"url": server.stdout.readline().strip()})
        browser.settle()
        check_everything_is_drawn(browser, checks)
        text = browser.script("return document.querySelector('#barriers, main').textContent")
        checks.check("there are updates", steps > 100 and text, steps)
        messages = [entry for entry in browser.log("browser") if "ERR_CONNECTION_REFUSED" not in entry["message"]]
        messages = [entry for entry in messages if "ERR_INCOMPLETE_CHUNKED" not in entry["message"]]
        checks.check("the console is silent", not messages, json.dumps(messages, indent=1))
    finally:
        server.terminate()
        server.wait(10)


def use(browser, program, picture):
    checks = Checks()
    with tempfile.TemporaryDirectory() as name:
        watch_long(browser, checks, program, pathlib.Path(name) / "long", picture)
        folder = pathlib.Path(name) / "run"
        watch_to_the_end(browser, checks, program, folder)
        watch_done(browser, checks, program, folder)
    return checks


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    in_browser(use, *sys.argv[1:])
