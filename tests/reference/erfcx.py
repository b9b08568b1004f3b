"""Coefficients of erfcx(z) / t with t = 5/2 / (5/2 + z), as a polynomial in t: needs mpmath.

Interpolates at Chebyshev's points of [0, 1] with 40 digits and prints what `src/kernels/smooth/jet.rs` has, then the
largest relative error for z >= 0.
"""

import mpmath as mp

mp.mp.dps = 40
C, DEGREE = mp.mpf("2.5"), 12


def ratio(t):
    z = C / t - C
    if z > 400:  # Where erfc underflows: its asymptotic series.
        return (1 - 1 / (2 * z**2) + 3 / (4 * z**4) - 15 / (8 * z**6)) / (mp.sqrt(mp.pi) * z * t)
    return mp.erfc(z) * mp.e ** (z**2) / t


nodes = [(mp.cos(mp.pi * (2 * k + 1) / (2 * (DEGREE + 1))) + 1) / 2 for k in range(DEGREE + 1)]
powers = mp.matrix(DEGREE + 1, DEGREE + 1)
for row, t in enumerate(nodes):
    for column in range(DEGREE + 1):
        powers[row, column] = t**column
found = [float(x) for x in mp.lu_solve(powers, mp.matrix([ratio(t) for t in nodes]))]
print(*map(repr, found), sep=",\n")
grid = [mp.mpf(i) / 800 for i in range(1, 801)]
value = lambda t: sum(a * t**k for k, a in enumerate(found))
print("error", float(max(abs(value(t) / ratio(t) - 1) for t in grid)))
