"""Writes tests/golden/mlp.json: ten steps of small MLPs as PyTorch takes them, in f64.

    python3 tests/reference/golden_mlp.py

theta_0 is a formula, so that the file holds results only: entry i of the parameters, in PyTorch's
order, is 0.3 sin(i^2), plus 1 for the weights of batch norm. tests/it/trajectory.rs replays the steps.
"""

import json
import math
from pathlib import Path

import torch
from rederive import read_data

SAMPLES, HIDDEN, STEPS, BATCH = 60, [7, 5], 10, 12
CASES = [
    {"batch_norm": False, "momentum": 0.0, "weight_decay": 0.0},
    {"batch_norm": False, "momentum": 0.9, "weight_decay": 5e-4},
    {"batch_norm": True, "momentum": 0.0, "weight_decay": 5e-4},
    {"batch_norm": True, "momentum": 0.9, "weight_decay": 5e-4},
]


def build(batch_norm):
    network, width = torch.nn.Sequential(), 64
    for i, size in enumerate(HIDDEN, 1):
        network.add_module(f"fc{i}", torch.nn.Linear(width, size))
        if batch_norm:
            network.add_module(f"bn{i}", torch.nn.BatchNorm1d(size))
        network.add_module(f"relu{i}", torch.nn.ReLU())
        width = size
    network.add_module(f"fc{len(HIDDEN) + 1}", torch.nn.Linear(width, 10))
    return network


def start(network):
    index = 0
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            values = [0.3 * math.sin(i * i) for i in range(index, index + parameter.numel())]
            index += parameter.numel()
            shift = 1.0 if name.startswith("bn") and name.endswith("weight") else 0.0
            parameter.copy_(torch.tensor(values).reshape(parameter.shape) + shift)


def batch(step):
    """Twelve different samples, spread over the set."""
    return [(7 * step + 5 * j) % SAMPLES for j in range(BATCH)]


def walk(case, pixels, labels):
    network = build(case["batch_norm"])
    start(network)
    rates = {name: case[name] for name in ("momentum", "weight_decay")}
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, **rates)
    losses, norms = [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        samples = batch(step)
        loss = torch.nn.functional.cross_entropy(network(pixels[samples]), labels[samples])
        loss.backward()
        gradient = torch.cat([parameter.grad.flatten() for parameter in network.parameters()])
        losses.append(loss.item())
        norms.append(gradient.norm().item())
        optimizer.step()
    state = network.state_dict()
    end = {name: value.flatten().tolist() for name, value in state.items()
           if not name.endswith("num_batches_tracked")}
    return {**case, "losses": losses, "grad_norms": norms, "end": end}


def main():
    torch.set_default_dtype(torch.float64)
    pixels, labels = read_data({"name": "digits", "train_samples": SAMPLES})
    pixels, labels = torch.tensor(pixels), torch.tensor(labels)
    golden = {
        "samples": SAMPLES,
        "hidden": HIDDEN,
        "learning_rate": 0.1,
        "batches": [batch(step) for step in range(STEPS)],
        "cases": [walk(case, pixels, labels) for case in CASES],
    }
    path = Path(__file__).parents[1] / "golden/mlp.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
