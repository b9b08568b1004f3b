"""Measures the line losses of a run as PyTorch would, eagerly, and prints samples x points a second.

    python3 tests/reference/bench_torch.py RUN [--lines 3] [--threads 2]

RUN must have been made with train.save_iterates = true, batch statistics. Compare with the
last lines of RUN's summary or with its timing.jsonl, on the same machine.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from runs import Run, load


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("run", type=Path)
    arguments.add_argument("--lines", type=int, default=3)
    arguments.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = arguments.parse_args()
    torch.set_num_threads(arguments.threads)
    run = Run(arguments.run, torch.float32)
    pixels, labels = run.pixels, run.labels
    batches = run.order("evaluation_order.npy").split(run.experiment["evaluation"]["batch_size"])
    lines = [json.loads(line) for line in (arguments.run / "line.jsonl").read_text().splitlines()]

    rates, worst = [], 0.0
    for line in lines[: arguments.lines]:
        start, end = (run.iterate(line["step"] + i) for i in range(2))
        network = run.network(start)
        alphas = line["alphas"][1:]
        begin, losses = time.perf_counter(), []
        with torch.no_grad():
            for alpha in alphas:
                state = {name: torch.lerp(start[name], end[name], alpha) for name in start}
                load(network, state)
                total = 0.0
                for batch in batches:
                    logits = network(pixels[batch])
                    total += torch.nn.functional.cross_entropy(
                        logits, labels[batch], reduction="sum").item()
                losses.append(total / len(labels))
        rates.append(len(labels) * len(alphas) / (time.perf_counter() - begin))
        worst = max(worst, *(abs(a - b) / b for a, b in zip(losses, line["losses"][1:])))
    print(f"PyTorch {torch.__version__}, {arguments.threads} threads: median "
          f"{np.median(rates):,.0f} samples x points a second over {len(rates)} lines "
          f"({min(rates):,.0f} to {max(rates):,.0f}); losses differ by at most {worst:.1e}")


if __name__ == "__main__":
    main()
