#!/usr/bin/env python3
"""Makes DejaVuSans-subset.ttf, the font of the PNG figures, from a full DejaVuSans.ttf.

Usage: subset.py path/to/DejaVuSans.ttf    (needs fonttools)
"""

import pathlib
import sys

from fontTools import subset

LATIN = "U+0020-007E,U+00A0-017F"
GREEK = "U+0391-03A9,U+03B1-03C9"
# Superscripts and subscripts, dashes and quotes, thin spaces, arrows, and the signs of mathematics.
SIGNS = "U+2009,U+202F,U+2010-2015,U+2018-201D,U+2022,U+2026,U+2070-209C,U+2190-2193"
MATHS = "U+2016,U+2202,U+2207,U+2211,U+2212,U+221A,U+221D,U+221E,U+2248,U+2260,U+2264,U+2265,U+25B2"

here = pathlib.Path(__file__).resolve().parent
subset.main([
    sys.argv[1],
    f"--unicodes={LATIN},{GREEK},{SIGNS},{MATHS}",
    f"--output-file={here / 'DejaVuSans-subset.ttf'}",
    "--no-hinting",
    "--layout-features=kern",
    "--name-IDs=0,1,2,3,4,5,6",
    "--no-recalc-timestamp",
])
