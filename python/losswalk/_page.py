"""From recorded points to their page: a run of `losswalk path`."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from ._run import Run, load

_SUFFIXES = {".pt", ".pth", ".safetensors"}


def page(folder="walk", *, out=None, data=None, model=None, expect_loss=None, points: int = 10) -> Run:
    """Measures the points in `folder`, in the order of their names, and writes records and report.

    `model` is an experiment file (or its text) with the sections [data] and [model]. Without it the
    network is inferred from the last file, and written to FOLDER/network.toml; `data` then says what it
    was trained on: a name such as "digits", or the keys of [data], such as {"name": "mnist", "root":
    "data/mnist", "mean": [0.1307], "std": [0.3081]}. `expect_loss`, the loss of the last point in
    PyTorch's `eval()`, is the check that both programs see the same images.

    The program `losswalk` is looked for on the PATH, or named by the environment variable LOSSWALK.
    Returns the run in `out` (FOLDER-run), which shows its page in a notebook.
    """
    folder = Path(folder)
    files = sorted(str(path) for path in folder.iterdir() if path.suffix in _SUFFIXES)
    if len(files) < 2:
        raise FileNotFoundError(f"{folder}: two points at least are needed; record(model, step) saves them")
    out = Path(out) if out is not None else folder.with_name(f"{folder.name}-run")
    if model is None or not Path(str(model)).suffix == ".toml":
        text = _inferred(files[-1], data) if model is None else model
        model = folder / "network.toml"
        model.write_text(text)
    arguments = ["path", "--model", str(model), "--out", str(out), "--points", str(points)]
    if expect_loss is not None:
        arguments += ["--expect-loss", f"{expect_loss:.4f}"]
    _losswalk(*arguments, *files)
    return load(out)


def _inferred(file: str, data) -> str:
    """What `losswalk path` infers, with another section [data] if there is one."""
    text = _losswalk("path", file, file)
    if data is None:
        return text
    if isinstance(data, str):
        data = {"name": data}
    head, _, rest = text.partition("[data]")
    section = "".join(f"{key} = {_toml(value)}\n" for key, value in data.items())
    return f"{head}[data]\n{section}\n[model]{rest.partition('[model]')[2]}"


def _toml(value) -> str:
    """Numbers, texts and lists of them are the same in JSON; a path is a text."""
    return json.dumps(str(value) if isinstance(value, os.PathLike) else value)


def _losswalk(*arguments: str) -> str:
    program = os.environ.get("LOSSWALK") or shutil.which("losswalk")
    if program is None:
        raise FileNotFoundError("losswalk is not on the PATH; install it, or set LOSSWALK to the program")
    ended = subprocess.run([program, *arguments], capture_output=True, text=True)
    if ended.returncode != 0:
        raise RuntimeError(ended.stderr.strip())
    return ended.stdout
