"""Derives the line losses of a run again, in f64, from its iterates and the data alone.

    python3 tests/reference/rederive.py RUN [--steps N]

RUN must have been made with train.save_iterates = true and an MLP on IDX files or on digits. Needs
numpy and nothing of losswalk: parameter files, data, evaluation batches, interpolation, network and
loss are all read or computed here. Prints the largest error of a loss or of a difference of two on
one line, relative to its largest loss and to the error that its record trusts, and the number of
resolved verdicts on barriers that differ; fails beyond the trusted error or if one differs.
"""

import argparse
import gzip
import json
import struct
import sys
import tomllib
from pathlib import Path

import numpy as np

EPSILON = 1e-5
# What is trusted in records that do not say it.
TRUSTED = 4e-6
# What 64 bits are trusted to here and there, relative and absolute: losswalk's loss of a sample is the
# logarithm of 1 + x, whose last digit is 2e-16 however small x.
ROUNDING = 1e-12, 2.0**-52


def read_safetensors(path):
    raw = Path(path).read_bytes()
    (size,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + size])
    types = {"F32": "<f4", "F64": "<f8"}
    arrays = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            data = raw[8 + size + begin : 8 + size + end]
            array = np.frombuffer(data, types[entry["dtype"]]).reshape(entry["shape"])
            arrays[name] = array.astype(np.float64)
    return arrays


def read_idx(root, stem):
    packed = Path(root) / (stem + ".gz")
    raw = gzip.open(packed).read() if packed.exists() else (Path(root) / stem).read_bytes()
    dimensions = raw[3]
    shape = struct.unpack(f">{dimensions}I", raw[4 : 4 + 4 * dimensions])
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def read_data(settings):
    """Images [n, c, h, w] and labels, as the network sees them."""
    if settings["name"] == "digits":
        packed = Path(__file__).parents[2] / "src/data/digits.gz"
        records = np.frombuffer(gzip.open(packed).read(), np.uint8).reshape(1797, 65)
        images, labels, scale = records[:, :64].reshape(-1, 8, 8), records[:, 64], 16
    else:
        images = read_idx(settings["root"], "train-images-idx3-ubyte")
        labels = read_idx(settings["root"], "train-labels-idx1-ubyte")
        scale = 255
    count = settings.get("train_samples", len(images))
    images = images[:count]
    if "pad" in settings:
        border = [settings["pad"] - size for size in images.shape[1:]]
        images = np.pad(images, [(0, 0)] + [(size // 2, size - size // 2) for size in border])
    images = np.repeat(images[:, None], settings.get("channels", 1), axis=1)
    return images.astype(np.float64) / scale - 0.5, labels[:count].astype(np.int64)


def forward(parameters, x, statistics):
    """Logits, and the mean and unbiased variance that each norm saw."""
    seen = []
    x, layer = x.reshape(len(x), -1), 1
    while True:
        x = x @ parameters[f"fc{layer}.weight"].T + parameters[f"fc{layer}.bias"]
        if f"fc{layer + 1}.weight" not in parameters:
            return x, seen
        if f"bn{layer}.weight" in parameters:
            mean, variance = x.mean(0), x.var(0)
            seen.append((mean, variance * len(x) / (len(x) - 1)))
            if statistics is not None:
                mean, variance = statistics[layer - 1]
            x = (x - mean) / np.sqrt(variance + EPSILON)
            x = x * parameters[f"bn{layer}.weight"] + parameters[f"bn{layer}.bias"]
        x = np.maximum(x, 0)
        layer += 1


def summed_loss(logits, labels):
    rows = np.arange(len(labels))
    margins = logits - logits[rows, labels][:, None]
    largest = margins.max(1)
    margins -= largest[:, None]
    # Of a sample that is classified well, the loss is that of the others: nothing cancels.
    others = np.exp(margins)
    others[rows, labels] = 0
    return (np.log1p(others.sum(1) + np.expm1(-largest)) + largest).sum()


def loss(parameters, pixels, labels, batches, policy):
    norms = sum(name.endswith("running_mean") for name in parameters)
    statistics = None
    if norms and policy == "running":
        statistics = [
            (parameters[f"bn{i + 1}.running_mean"], parameters[f"bn{i + 1}.running_var"])
            for i in range(norms)
        ]
    elif norms and policy == "recomputed":
        seen = [(len(batch), forward(parameters, pixels[batch], None)[1]) for batch in batches]
        statistics = [
            tuple(sum(n * s[i][j] for n, s in seen) / len(labels) for j in range(2))
            for i in range(norms)
        ]
    total = 0.0
    for batch in batches:
        logits, _ = forward(parameters, pixels[batch], statistics)
        total += summed_loss(logits, labels[batch])
    return total / len(labels)


def crosses(losses):
    return max(losses[1:-1]) > max(losses[0], losses[-1])


class Comparison:
    """Recorded lines beside the same losses derived again."""

    def __init__(self):
        self.lines, self.doubles, self.differing = 0, 0, 0
        self.error, self.share = 0.0, 0.0

    def add(self, line, losses):
        errors = [0.0] + [a - b for a, b in zip(line["losses"], losses)]
        # Of a loss, where all errors have one sign, or else of a difference.
        error = (max(errors) - min(errors)) / max(losses)
        rounding = ROUNDING[0] + ROUNDING[1] / max(losses)
        self.lines += 1
        self.doubles += line["precision"] == "f64"
        self.differing += line["resolved"] and crosses(losses) != line["barrier"]
        self.error = max(self.error, error)
        self.share = max(self.share, error / (line.get("trusted_error", TRUSTED) + rounding))

    def report(self):
        """Prints what was found and returns the exit code."""
        print(f"{self.lines} lines, {self.doubles} of them decided in f64: largest error "
              f"{self.error:.2e} of the loss, {self.share:.3f} of what is trusted; "
              f"{self.differing} verdicts differ")
        return int(self.share > 1 or self.differing > 0)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("run", type=Path)
    arguments.add_argument("--steps", type=int, help="the first so many measured steps only")
    arguments = arguments.parse_args()
    run = arguments.run
    experiment = tomllib.loads((run / "run.toml").read_text())
    pixels, labels = read_data(experiment["data"])
    order = np.load(run / "evaluation_order.npy")
    size = experiment["evaluation"]["batch_size"]
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    policy = experiment["evaluation"]["batch_norm"]
    lines = [json.loads(line) for line in (run / "line.jsonl").read_text().splitlines()]
    lines = lines[: arguments.steps]
    if not lines:
        sys.exit("no measured steps")

    comparison, ends = Comparison(), {}
    for line in lines:
        start = read_safetensors(run / f"iterates/step-{line['step']:08}.safetensors")
        end = read_safetensors(run / f"iterates/step-{line['step'] + 1:08}.safetensors")
        losses = []
        for alpha in line["alphas"]:
            key = line["step"] + alpha
            if key not in ends:
                point = {name: start[name] + alpha * (end[name] - start[name]) for name in start}
                ends[key] = loss(point, pixels, labels, batches, policy)
            losses.append(ends[key])
        comparison.add(line, losses)
    sys.exit(comparison.report())


if __name__ == "__main__":
    main()
