"""Trains the network of a run again in PyTorch, from the same theta_0 and the same batches.

    python3 tests/reference/replay_torch.py RUN [--steps 50]

RUN must have been made with train.save_iterates = true and steps 0..=N measured. Compares theta after
N steps (relative to the distance walked and to theta itself) and the recorded batch loss, gradient
norm, cosine and distance of every step. Fails beyond 1e-4.
"""

import argparse
import json
import sys
import tomllib
from pathlib import Path

import numpy as np
import torch
from rederive import read_data, read_safetensors

TOLERANCE = 1e-4


def build(model, inputs, classes, parameters):
    hidden = model["hidden"]
    layers, width = {}, inputs
    for i, size in enumerate(hidden, 1):
        layers[f"fc{i}"] = torch.nn.Linear(width, size)
        if model["batch_norm"]:
            layers[f"bn{i}"] = torch.nn.BatchNorm1d(size)
        layers[f"relu{i}"] = torch.nn.ReLU()
        width = size
    layers[f"fc{len(hidden) + 1}"] = torch.nn.Linear(width, classes)
    network = torch.nn.Sequential()
    for name, layer in layers.items():
        network.add_module(name, layer)
    state = {name: torch.tensor(value) for name, value in parameters.items()}
    missing = network.load_state_dict(state, strict=False)
    assert not missing.unexpected_keys, missing
    assert all(name.endswith("num_batches_tracked") for name in missing.missing_keys), missing
    return network


def flat(values):
    return torch.cat([value.detach().flatten() for value in values]).double()


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("run", type=Path)
    arguments.add_argument("--steps", type=int, default=50)
    arguments = arguments.parse_args()
    run = arguments.run
    experiment = tomllib.loads((run / "run.toml").read_text())
    train = experiment["train"]
    torch.set_default_dtype(torch.float64 if train["precision"] == "f64" else torch.float32)
    dtype = torch.get_default_dtype()

    pixels, labels = read_data(experiment["data"])
    pixels, labels = torch.tensor(pixels, dtype=dtype), torch.tensor(labels)
    start = read_safetensors(run / "iterates/step-00000000.safetensors")
    start = {name: value.astype(str(dtype).split(".")[1]) for name, value in start.items()}
    network = build(experiment["model"], pixels.shape[1], int(labels.max()) + 1, start)
    optimizer = torch.optim.SGD(
        network.parameters(),
        lr=train["learning_rate"],
        momentum=train["momentum"],
        weight_decay=train["weight_decay"],
    )
    records = [json.loads(line) for line in (run / "steps.jsonl").read_text().splitlines()]
    origin, previous, worst = flat(network.parameters()), None, 0.0
    for record in records[: arguments.steps]:
        order = np.load(run / f"orders/epoch-{record['epoch']:04}.npy").astype(np.int64)
        size = train["batch_size"]
        batch = order[record["iteration"] * size : (record["iteration"] + 1) * size]
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(pixels[batch]), labels[batch])
        loss.backward()
        gradient = flat(parameter.grad for parameter in network.parameters())
        optimizer.step()
        found = {
            "batch_loss": loss.item(),
            "grad_norm": gradient.norm().item(),
            "distance": (flat(network.parameters()) - origin).norm().item(),
        }
        if previous is not None:
            found["cosine"] = (gradient @ previous / gradient.norm() / previous.norm()).item()
        previous = gradient
        worst = max(worst, *(abs(record[name] - value) / max(abs(value), 0.1)
                             for name, value in found.items()))

    end = read_safetensors(run / f"iterates/step-{arguments.steps:08}.safetensors")
    ours = flat(torch.tensor(end[name]) for name, _ in network.named_parameters())
    theirs = flat(network.parameters())
    walked = ((ours - theirs).norm() / (theirs - origin).norm()).item()
    whole = ((ours - theirs).norm() / theirs.norm()).item()
    buffers = [name for name in end if "running" in name]
    state = network.state_dict()
    running = max([(torch.tensor(end[name]) - state[name]).norm().item()
                   / state[name].norm().item() for name in buffers], default=0.0)
    print(f"{arguments.steps} steps: theta differs by {whole:.1e} of its norm and {walked:.1e} of the "
          f"distance walked, records by {worst:.1e}, running statistics by {running:.1e} "
          f"(each at most {TOLERANCE:.0e})")
    sys.exit(max(walked, whole, worst, running) > TOLERANCE)


if __name__ == "__main__":
    main()
