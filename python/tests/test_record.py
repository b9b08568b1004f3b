"""What `record` writes and `load` reads; run as a program: python3 test_record.py LOSSWALK."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

import losswalk


def test_record(folder: Path) -> None:
    state = {"fc1.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "count": np.array(7)}
    path = losswalk.record(state, 3, folder / "walk")
    assert path == folder / "walk" / "step-00000003.safetensors"
    assert losswalk.record(state, 4, folder / "walk", stretch=range(4)) is None
    state["fc1.weight"][:] = 0
    saved = load_file(path)
    assert saved["fc1.weight"][1, 2] == 5 and saved["count"] == 7
    assert [file.name for file in (folder / "walk").iterdir()] == [path.name]


def test_load(folder: Path, program: str) -> None:
    run = folder / "run"
    settings = ["--set", "train.epochs=1", "--set", "measure.iterations=2"]
    command = [program, "run", "experiments/quickstart.toml", *settings, "--out", str(run)]
    subprocess.run(command, check=True, capture_output=True)
    loaded = losswalk.load(run)
    steps = [json.loads(line) for line in (run / "steps.jsonl").read_text().splitlines()]
    assert loaded.records("steps") == steps and len(steps) == 90
    assert list(loaded.steps["batch_loss"]) == [step["batch_loss"] for step in steps]
    assert len(loaded.line) == 2 and len(loaded.epochs) == 2 and loaded.records("spectrum") == []
    assert "losswalk" in loaded._repr_html_() and "done" in repr(loaded)
    with (run / "line.jsonl").open("a") as file:
        file.write('{"step": 2')
    assert len(loaded.records("line")) == 2
    for missing in (lambda: losswalk.load(folder), lambda: loaded.records("lines")):
        try:
            missing()
        except (FileNotFoundError, KeyError):
            continue
        raise AssertionError("a mistake was not noticed")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        test_record(Path(name))
        test_load(Path(name), sys.argv[1])
    print("record and load: as they should be")
