"""Derives the line losses of a run again in PyTorch, in f64, for any architecture.

    python3 tests/reference/rederive_torch.py RUN [--steps N]

RUN must have been made with train.save_iterates = true and batch statistics. Prints what rederive.py
prints, and fails where that does.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from rederive import Comparison
from runs import Run, load


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("run", type=Path)
    arguments.add_argument("--steps", type=int, help="the first so many measured steps only")
    arguments = arguments.parse_args()
    run = Run(arguments.run, torch.float64)
    evaluation = run.experiment["evaluation"]
    batches = run.order("evaluation_order.npy").split(evaluation["batch_size"])
    lines = [json.loads(line) for line in (arguments.run / "line.jsonl").read_text().splitlines()]
    comparison = Comparison()
    for line in lines[: arguments.steps]:
        start, end = (run.iterate(line["step"] + i) for i in range(2))
        network, losses = run.network(start), []
        for alpha in line["alphas"]:
            load(network, {name: torch.lerp(start[name], end[name], alpha) for name in start})
            with torch.no_grad():
                losses.append(sum(
                    torch.nn.functional.cross_entropy(
                        network(run.pixels[batch]), run.labels[batch], reduction="sum").item()
                    for batch in batches) / len(run.labels))
        comparison.add(line, losses)
    sys.exit(comparison.report())


if __name__ == "__main__":
    main()
