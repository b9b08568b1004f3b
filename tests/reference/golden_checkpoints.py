"""Writes tests/golden/checkpoints/: a tiny network on digits, saved as other programs save it.

    python3 tests/reference/golden_checkpoints.py

Five points of an SGD path, each in a format of its own, and path.json: what is measured along them,
computed in f64 with the running statistics of batch norm. Needs torch, numpy and safetensors.
"""

import json
from pathlib import Path

import torch
from networks import mlp
from rederive import read_data
from safetensors.torch import save_file

FOLDER = Path(__file__).parents[1] / "golden/checkpoints"
POINTS = 4


def points_of_a_path(pixels, labels):
    """State dicts before and after each of four steps of SGD."""
    torch.manual_seed(3)
    network, states = mlp(64, [8], 10, True), []
    optimizer = torch.optim.SGD(network.parameters(), lr=1.5, momentum=0.9)
    for batch in torch.randperm(len(labels))[:1600].split(32):
        states.append({name: value.clone() for name, value in network.state_dict().items()})
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(pixels[batch]), labels[batch]).backward()
        optimizer.step()
    return states[20:25], optimizer


def save(states, optimizer):
    network = mlp(64, [8], 10, True)
    torch.save(states[0], FOLDER / "0-zip.pt")
    torch.save(states[1], FOLDER / "1-legacy.pth", _use_new_zipfile_serialization=False)
    prefixed = {f"module.{name}": value for name, value in states[2].items()}
    nested = {"epoch": 1, "state_dict": prefixed, "optimizer": optimizer.state_dict()}
    torch.save(nested, FOLDER / "2-nested.pt")
    save_file(states[3], FOLDER / "3.safetensors")
    network.load_state_dict(states[4])
    torch.save(network, FOLDER / "4-module.pt")
    torch.save(optimizer.state_dict(), FOLDER / "optimizer.pt")


def loss(state, pixels, labels):
    network = mlp(64, [8], 10, True).double().eval()
    network.load_state_dict(state)
    with torch.no_grad():
        return torch.nn.functional.cross_entropy(network(pixels.double()), labels).item()


def measure(states, pixels, labels):
    parameters = [name for name, _ in mlp(64, [8], 10, True).named_parameters()]
    states = [{name: value.double() for name, value in state.items()} for state in states]
    thetas = [torch.cat([state[name].flatten() for name in parameters]) for state in states]
    updates = [b - a for a, b in zip(thetas, thetas[1:])]
    cosine = torch.nn.functional.cosine_similarity
    segments = []
    for t, (a, b) in enumerate(zip(states, states[1:])):
        mixed = [
            {name: a[name] + k / POINTS * (b[name] - a[name]) for name in a}
            for k in range(POINTS + 1)
        ]
        segments.append({
            "losses": [loss(state, pixels, labels) for state in mixed],
            "update_norm": updates[t].norm().item(),
            "update_cosine": cosine(updates[t - 1], updates[t], dim=0).item() if t else None,
            "distance": (thetas[t + 1] - thetas[0]).norm().item(),
            "path_length": sum(update.norm().item() for update in updates[: t + 1]),
        })
    return segments


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    pixels, labels = read_data({"name": "digits"})
    pixels, labels = torch.tensor(pixels, dtype=torch.float32), torch.tensor(labels)
    states, optimizer = points_of_a_path(pixels, labels)
    save(states, optimizer)
    segments = measure(states, pixels, labels)
    (FOLDER / "path.json").write_text(json.dumps(segments, indent=1) + "\n")


if __name__ == "__main__":
    main()
