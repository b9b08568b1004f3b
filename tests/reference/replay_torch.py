"""Trains the network of a run again in PyTorch, from the same theta_0 and the same batches.

    python3 tests/reference/replay_torch.py RUN [--steps 50]

RUN must have been made with train.save_iterates = true and steps 0..=N measured. Compares theta after
N steps (relative to the distance walked and to theta itself) and the recorded batch loss, gradient
norm, learning rate, cosine and distance of every step. Fails beyond 1e-4 in f32 and 1e-9 in f64.
"""

import argparse
import json
import sys
import tomllib
from pathlib import Path

import torch
from optimizers import optimizer, scheduler
from runs import Run, flat

# In f32 a rounding error can turn a rectifier on or off, and the two trajectories part.
TOLERANCE = {"f32": 1e-4, "f64": 1e-9}


def batches(run, record):
    """The samples of a step, in the pieces that batch norm sees, and the share of each in the mean."""
    train, evaluation = run.experiment["train"], run.experiment["evaluation"]
    if train["sampling"] == "full":
        assert evaluation["batch_norm"] == "batch", "the full gradient is replayed under batch statistics"
        order = run.order("evaluation_order.npy")
        return [(batch, len(batch) / len(order)) for batch in order.split(evaluation["batch_size"])]
    order = run.order(f"orders/epoch-{record['epoch']:04}.npy")
    start = record["iteration"] * train["batch_size"]
    return [(order[start : start + train["batch_size"]], 1.0)]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("run", type=Path)
    arguments.add_argument("--steps", type=int, default=50)
    arguments = arguments.parse_args()
    run = arguments.run
    precision = tomllib.loads((run / "run.toml").read_text())["train"]["precision"]
    tolerance = TOLERANCE[precision]
    path, run = run, Run(run, torch.float64 if precision == "f64" else torch.float32)
    train, pixels, labels = run.experiment["train"], run.pixels, run.labels
    network = run.network(run.iterate(0))
    rule = optimizer(train, network.parameters())
    total = json.loads((path / "manifest.json").read_text())["total_steps"]
    schedule = scheduler(train, rule, total)
    records = [json.loads(line) for line in (path / "steps.jsonl").read_text().splitlines()]
    origin, previous, worst = flat(network.parameters()), None, 0.0
    for record in records[: arguments.steps]:
        rule.zero_grad()
        loss = 0.0
        for batch, share in batches(run, record):
            part = share * torch.nn.functional.cross_entropy(network(pixels[batch]), labels[batch])
            part.backward()
            loss += part.item()
        gradient = flat(parameter.grad for parameter in network.parameters())
        rate = rule.param_groups[0]["lr"]
        rule.step()
        schedule.step()
        found = {
            "batch_loss": loss,
            "learning_rate": rate,
            "grad_norm": gradient.norm().item(),
            "distance": (flat(network.parameters()) - origin).norm().item(),
        }
        if previous is not None:
            found["cosine"] = (gradient @ previous / gradient.norm() / previous.norm()).item()
        previous = gradient
        worst = max(worst, *(abs(record[name] - value) / max(abs(value), 0.1)
                             for name, value in found.items()))

    end = run.iterate(arguments.steps)
    ours = flat(end[name] for name, _ in network.named_parameters())
    theirs = flat(network.parameters())
    walked = ((ours - theirs).norm() / (theirs - origin).norm()).item()
    whole = ((ours - theirs).norm() / theirs.norm()).item()
    buffers = [name for name in end if "running" in name]
    state = network.state_dict()
    running = max([(end[name] - state[name]).norm().item()
                   / state[name].norm().item() for name in buffers], default=0.0)
    print(f"{arguments.steps} steps: theta differs by {whole:.1e} of its norm and {walked:.1e} of the "
          f"distance walked, records by {worst:.1e}, running statistics by {running:.1e} "
          f"(each at most {tolerance:.0e})")
    sys.exit(int(max(walked, whole, worst, running) > tolerance))


if __name__ == "__main__":
    main()
