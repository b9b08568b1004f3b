"""Saving the points of a path, one file a step."""

import os
from collections.abc import Container
from pathlib import Path

import numpy as np
from safetensors.numpy import save


def record(model, step: int, folder="walk", *, stretch: Container[int] | None = None) -> Path | None:
    """Saves the state of `model` after `step` updates as `FOLDER/step-NNNNNNNN.safetensors`.

    `model` is a module of PyTorch, or its state dict. A step outside `stretch` is not saved, and None
    is returned. The file appears whole or not at all: it is written under another name, synced and
    renamed. Values keep their precision, but halves, which become single: losswalk reads those.
    """
    if stretch is not None and step not in stretch:
        return None
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{step:08}.safetensors"
    state = model.state_dict() if hasattr(model, "state_dict") else model
    _write(path, save({name: _array(value) for name, value in state.items()}))
    return path


def _array(value) -> np.ndarray:
    """An array of a tensor on any device, copied: training changes the tensor in place."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        # NumPy has no bfloat16, and half has no more than single.
        if value.is_floating_point() and value.element_size() < 4:
            value = value.float()
        value = value.numpy()
    return np.array(value, order="C", copy=True)


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
