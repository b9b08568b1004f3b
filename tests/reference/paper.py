"""Opens what `losswalk report --paper` writes in other programs.

python3 paper.py LOSSWALK [FOLDER]

Makes a small run with every figure, or takes a FOLDER that is there. Every PDF must be one that qpdf finds
nothing wrong with, of the width asked and without a font (Poppler); rasterised by Poppler it must look as the
PNG does, and so must some SVGs in Chromium. A caption must be complete.
"""

import math
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH = 234.0  # 3.25 inches
SETTINGS = [
    "train.epochs=2",
    "data.train_samples=200",
    "evaluation.protocol=authors",  # noise that counts as barriers
    "model.hidden=[12]",
    "measure=[{kind='line',points=10,second_order=true},{kind='alignment',epochs=[0,1],batch_sizes=[20,50],batches=3},"
    "{kind='covariance',epochs=[1],batch_sizes=[20],batches=2,probes=2},"
    "{kind='spectrum',epochs=[0,1],top=2,probes=2,batch_sizes=[20],batches=2}]",
]
# A browser takes a second for each; these have every style of lines and marks between them.
IN_A_BROWSER = ["heights", "spectrum", "walk"]
# Grey levels between two programs' anti-aliasing, in squares of 1/150 inch.
MEAN, WORST = 1.0, 60.0


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def opened(path):
    return Image.open(path).convert("RGB").convert("L")


def grey(image, size):
    """Levels in squares of 4 pixels at 600 an inch, from the left top corner."""
    levels = np.asarray(image.crop((0, 0, *size)), dtype=float)
    rows, columns = (side // 4 for side in levels.shape)
    return levels[: 4 * rows, : 4 * columns].reshape(rows, 4, columns, 4).mean(axis=(1, 3))


def check_looks(name, found, png):
    """The image that another program has made may be larger by what it rounds up."""
    found, expected = opened(found), opened(png)
    assert all(-1 <= a - b < 8 for a, b in zip(found.size, expected.size)), (name, found.size, expected.size)
    size = [min(sides) for sides in zip(found.size, expected.size)]
    found, expected = grey(found, size), grey(expected, size)
    difference = np.abs(found - expected)
    mean, worst = difference.mean(), difference.max()
    print(f"{name}: differs by {mean:.2f} on average, {worst:.0f} at most")
    assert expected.std() > 5, f"{name}: blank"
    assert mean <= MEAN and worst <= WORST, name


def check(stem, scratch):
    pdf, svg, png, tex = (stem.with_suffix(f".{kind}") for kind in ("pdf", "svg", "png", "tex"))
    output("qpdf", "--check", pdf)
    width = float(re.search(r"Page size: +([\d.]+) x", output("pdfinfo", pdf))[1])
    assert abs(width - WIDTH) < 0.01, (pdf, width)
    assert len(output("pdffonts", pdf).splitlines()) == 2, f"{pdf} has fonts"
    output("pdftoppm", "-r", "600", "-png", "-singlefile", pdf, scratch / "pdf")
    check_looks(pdf.name, scratch / "pdf.png", png)
    if stem.name in IN_A_BROWSER:
        window = ",".join(str(math.ceil(side / 6.25)) for side in opened(png).size)
        output(
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            "--force-device-scale-factor=6.25", f"--window-size={window}", f"--screenshot={scratch / 'svg.png'}",
            svg.absolute().as_uri(),
        )
        check_looks(svg.name, scratch / "svg.png", png)
    caption = tex.read_text(encoding="utf-8")
    bare = re.sub(r"\\[{}]", "", caption)
    assert bare.count("{") == bare.count("}") and len(re.findall(r"(?<!\\)\$", caption)) % 2 == 0, tex
    assert not re.search(r"[^\x00-\x7f]", caption), (tex, re.findall(r"[^\x00-\x7f]", caption))


def main():
    losswalk = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        run = Path(sys.argv[2]) if len(sys.argv) > 2 else scratch / "run"
        if len(sys.argv) == 2:
            settings = [part for setting in SETTINGS for part in ("--set", setting)]
            output(losswalk, "run", "experiments/quickstart.toml", *settings, "--out", run, "--quiet")
        written = Path(output(losswalk, "report", run, "--paper", "--width", "3.25in").strip())
        stems = sorted(path.with_suffix("") for path in written.glob("*.pdf"))
        assert len(stems) == 13 or len(sys.argv) > 2, stems
        for stem in stems:
            check(stem, scratch)
        print(f"{len(stems)} figures")


main()
