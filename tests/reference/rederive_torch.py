"""Derives the line losses of a run again in PyTorch, in f64, for any architecture.

    python3 tests/reference/rederive_torch.py RUN [--steps N]

RUN must have been made with train.save_iterates = true and batch statistics. Prints the largest
relative difference of any loss and the number of barrier verdicts that differ; fails beyond 2e-6, or
1e-9 for a run that was measured in f64.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from rederive import TOLERANCE, crosses
from runs import Run, load


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("run", type=Path)
    arguments.add_argument("--steps", type=int, help="the first so many measured steps only")
    arguments = arguments.parse_args()
    run = Run(arguments.run, torch.float64)
    evaluation = run.experiment["evaluation"]
    batches = run.order("evaluation_order.npy").split(evaluation["batch_size"])
    tolerance = 1e-9 if evaluation["precision"] == "f64" else TOLERANCE
    lines = [json.loads(line) for line in (arguments.run / "line.jsonl").read_text().splitlines()]
    worst, verdicts = 0.0, 0
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
        worst = max(worst, *(abs(a - b) / b for a, b in zip(line["losses"], losses)))
        verdicts += crosses(losses) != line["barrier"]
    print(f"{len(lines[: arguments.steps])} lines: largest relative difference {worst:.2e} "
          f"(at most {tolerance:.0e}); {verdicts} verdicts differ")
    sys.exit(int(worst > tolerance or verdicts > 0))


if __name__ == "__main__":
    main()
