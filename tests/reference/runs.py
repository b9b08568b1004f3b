"""A run folder as PyTorch sees it: experiment, images, parameters, network."""

import tomllib

import numpy as np
import torch
from networks import build
from rederive import read_data, read_safetensors


class Run:
    def __init__(self, path, dtype):
        torch.set_default_dtype(dtype)
        self.path, self.dtype = path, dtype
        self.experiment = tomllib.loads((path / "run.toml").read_text())
        pixels, labels = read_data(self.experiment["data"])
        self.pixels = torch.tensor(pixels, dtype=dtype)
        self.labels = torch.tensor(labels)

    def iterate(self, step):
        arrays = read_safetensors(self.path / f"iterates/step-{step:08}.safetensors")
        return {name: torch.tensor(array, dtype=self.dtype) for name, array in arrays.items()}

    def order(self, name):
        return torch.tensor(np.load(self.path / name).astype(np.int64))

    def network(self, state):
        channels, *_ = self.pixels.shape[1:]
        classes = int(self.labels.max()) + 1
        network = build(self.experiment["model"], channels, self.pixels[0].numel(), classes)
        load(network, state)
        return network


def load(network, state):
    missing = network.load_state_dict(state, strict=False)
    assert not missing.unexpected_keys, missing
    assert all(name.endswith("num_batches_tracked") for name in missing.missing_keys), missing


def flat(values):
    return torch.cat([value.detach().flatten() for value in values]).double()
