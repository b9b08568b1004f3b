"""Makes digits.gz from the copy of the data set that scikit-learn ships.

Run `python digits.py` in this folder, with scikit-learn installed. The result is a gzip stream of
1797 records: 64 pixels (row by row, 0 to 16), then the label (0 to 9), one byte each.
"""

import gzip

import numpy
from sklearn.datasets import load_digits

pixels, labels = load_digits(return_X_y=True)
assert pixels.shape == (1797, 64) and pixels.min() == 0 and pixels.max() == 16
records = numpy.column_stack([pixels, labels]).astype(numpy.uint8)
with open("digits.gz", "wb") as file:
    # Without a time in it, the file is the same whenever it is made.
    file.write(gzip.compress(records.tobytes(), compresslevel=9, mtime=0))
