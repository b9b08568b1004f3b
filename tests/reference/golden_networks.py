"""Writes tests/golden/networks.json: loss, gradient and running statistics of small networks in f64.

    python3 tests/reference/golden_networks.py

Needs torch and numpy. Parameters and images are formulas that the Rust test computes too, so that the
file holds results alone: the loss, and for every parameter's gradient and every running statistic its
sum and its product with cos(1), cos(2), ...
"""

import json
from pathlib import Path

import torch
from networks import build

SAMPLES, SIZE, CLASSES = 6, 32, 10
MODELS = [
    {"arch": "mlp", "hidden": [7, 5]},
    {"arch": "vgg11", "width": 0.05, "head": "512-512"},
    {"arch": "vgg11", "width": 0.04, "head": "1024-512", "size": 64},
    {"arch": "resnet", "depth": 14},
    {"arch": "wide-resnet", "depth": 10, "widen": 2},
]


def wave(count, shift):
    return torch.sin(torch.arange(1, count + 1, dtype=torch.float64) * 0.7 + shift)


def fingerprint(array):
    flat = array.detach().flatten()
    return [flat.sum().item(), (flat * torch.cos(torch.arange(1.0, len(flat) + 1))).sum().item()]


def golden(model):
    size = model.get("size", SIZE)
    network = build(model, 3, 3 * size * size, CLASSES)
    for index, (_, parameter) in enumerate(sorted(network.named_parameters())):
        scale = 1 / max(1, parameter[0].numel()) ** 0.5 if parameter.dim() > 1 else 0.3
        offset = 0.0 if parameter.dim() > 1 else 0.5
        values = offset + scale * wave(parameter.numel(), index)
        parameter.data = values.reshape(parameter.shape)
    # The bytes of the images, channels last as in memory; normalised to byte/255 - 0.5.
    count = SAMPLES * size * size * 3
    pixels = torch.floor(127.5 * (1 + wave(count, 0.3))) / 255 - 0.5
    images = pixels.reshape(SAMPLES, size, size, 3).permute(0, 3, 1, 2)
    labels = torch.arange(SAMPLES) * 7 % CLASSES
    loss = torch.nn.functional.cross_entropy(network(images), labels)
    loss.backward()
    running = {name: value for name, value in network.named_buffers() if "running" in name}
    return {
        "model": {key: value for key, value in model.items() if key != "size"},
        "size": size,
        "loss": loss.item(),
        "gradient": {name: fingerprint(p.grad) for name, p in network.named_parameters()},
        "running": {name: fingerprint(value) for name, value in running.items()},
    }


def main():
    torch.set_default_dtype(torch.float64)
    cases = [golden({**model, "batch_norm": norm}) for model in MODELS for norm in (True, False)]
    path = Path(__file__).parents[1] / "golden" / "networks.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main()
