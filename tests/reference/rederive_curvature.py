"""Derives the curvature at the end of a run again in PyTorch, in f64, by double backward.

    python3 tests/reference/rederive_curvature.py RUN

RUN must have ended with a spectrum and with the alignment of the full training set, under batch
statistics. From its last checkpoint and the saved eigenvectors: the alignment of the full gradient, and
for every eigenpair v'Hv and ‖Hv - lambda v‖. Fails if the alignment or an eigenvalue differs by more
than 1e-4 (1e-9 for a run in f64), or if a residual is larger than recorded by more than as much.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from rederive import read_safetensors
from runs import Run


def records(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


class Hessian:
    """Of the mean loss over all evaluation batches, each with its own statistics."""

    def __init__(self, run, network):
        size = run.experiment["evaluation"]["batch_size"]
        self.run, self.network = run, network
        self.batches = run.order("evaluation_order.npy").split(size)
        self.parameters = list(network.parameters())

    def gradient(self, batch, create_graph=False):
        logits, labels = self.network(self.run.pixels[batch]), self.run.labels[batch]
        loss = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
        return torch.autograd.grad(loss / len(self.run.labels), self.parameters, create_graph=create_graph)

    def full_gradient(self):
        parts = [self.gradient(batch) for batch in self.batches]
        return [sum(part) for part in zip(*parts)]

    def times(self, direction):
        total = [torch.zeros_like(part) for part in direction]
        for batch in self.batches:
            slope = dot(self.gradient(batch, create_graph=True), direction)
            for sum_, part in zip(total, torch.autograd.grad(slope, self.parameters)):
                sum_ += part
        return total


def dot(a, b):
    return sum((x * y).sum() for x, y in zip(a, b))


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("run", type=Path)
    path = arguments.parse_args().run
    run = Run(path, torch.float64)
    tolerance = 1e-9 if run.experiment["evaluation"]["precision"] == "f64" else 1e-4
    spectrum = records(path / "spectrum.jsonl")[-1]
    step, samples = spectrum["step"], len(run.labels)
    aligned = next(record for record in records(path / "alignment.jsonl")
                   if record["step"] == step and record["batch_size"] == samples)

    def arrays(file):
        return {name: torch.tensor(array, dtype=run.dtype) for name, array in read_safetensors(file).items()}

    network = run.network(arrays(path / f"checkpoints/step-{step:08}/parameters.safetensors"))
    hessian = Hessian(run, network)
    g = hessian.full_gradient()
    alignment = (dot(g, hessian.times(g)) / dot(g, g)).item()
    worst = abs(alignment / aligned["alignment"] - 1)
    print(f"alignment of the full gradient: {aligned['alignment']:.6g} recorded, {alignment:.6g} here")
    failed = worst > tolerance
    scale = max(map(abs, spectrum["eigenvalues"]))
    for i, (value, residual) in enumerate(zip(spectrum["eigenvalues"], spectrum["residuals"]), 1):
        named = arrays(path / f"eigenvectors/step-{step:08}-{i}.safetensors")
        v = [named[name] for name, _ in network.named_parameters()]
        product = hessian.times(v)
        rayleigh = (dot(v, product) / dot(v, v)).item()
        rest = [x - value * y for x, y in zip(product, v)]
        found = dot(rest, rest).sqrt().item()
        print(f"eigenvalue {i}: {value:.6g} recorded, {rayleigh:.6g} here; "
              f"residual {residual:.1e} recorded, {found:.1e} here")
        # The saved vectors are rounded to 32 bits.
        allowed = max(tolerance, 1e-6) * scale
        failed |= abs(value - rayleigh) > max(allowed, residual**2 / scale) or found > residual + allowed
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
