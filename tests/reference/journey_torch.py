"""The journey of somebody who trains in PyTorch: train, `losswalk.record`, `losswalk path`.

python3 journey_torch.py LOSSWALK

Trains an MLP on the digits that losswalk has built in, under another normalisation than losswalk's own,
and checks that `losswalk path` gives PyTorch's loss and accuracy, that `--expect-loss` lets it pass, and
that without the normalisation it is refused and named.
"""

import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

import losswalk

MODEL = "[data]\nname = 'digits'\n%s[model]\narch = 'mlp'\nhidden = [32]\n[evaluation]\nbatch_norm = 'running'\n"
NORMALISATION = "mean = [0.5]\nstd = [0.5]\n"
# Both compute in single precision; the losses differ by 0.5 and more where the pixels do.
TOLERANCE = 1e-5


def digits():
    raw = gzip.open(Path(__file__).parents[2] / "src/data/digits.gz").read()
    records = np.frombuffer(raw, np.uint8).reshape(1797, 65)
    pixels = (torch.tensor(records[:, :64] / 16.0, dtype=torch.float32) - 0.5) / 0.5
    return pixels, torch.tensor(records[:, 64].astype(np.int64))


def network() -> nn.Sequential:
    layers = nn.Sequential()
    layers.add_module("fc1", nn.Linear(64, 32))
    layers.add_module("bn1", nn.BatchNorm1d(32))
    layers.add_module("relu1", nn.ReLU())
    layers.add_module("fc2", nn.Linear(32, 10))
    return layers


def train(images, labels, walk: Path):
    """Records ten updates; returns loss and accuracy of the training set after each, in PyTorch."""
    torch.manual_seed(1)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    losswalk.record(model, 0, walk)
    scores = []
    for step, batch in enumerate(torch.randperm(1797)[:1000].split(100), 1):
        model.train()
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
        optimizer.step()
        losswalk.record(model, step, walk)
        model.eval()
        with torch.no_grad():
            logits = model(images)
        right = (logits.argmax(1) == labels).double().mean().item()
        scores.append((nn.functional.cross_entropy(logits, labels).item(), right))
    return scores


def path(program: str, folder: Path, normalisation: str, arguments: list[str]):
    model = folder / "model.toml"
    model.write_text(MODEL % normalisation)
    files = sorted(str(file) for file in (folder / "walk").iterdir())
    command = [program, "path", "--model", str(model), "--points", "2", "--json", *arguments, *files]
    return subprocess.run(command, capture_output=True, text=True)


def main(program: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scores = train(*digits(), folder / "walk")
        expected = ["--expect-loss", f"{scores[-1][0]:.4f}"]
        ended = path(program, folder, NORMALISATION, expected)
        assert ended.returncode == 0, ended.stderr
        rows = [json.loads(line) for line in ended.stdout.splitlines()]
        assert len(rows) == 10
        worst = max(abs(row["losses"][-1] / loss - 1) for row, (loss, _) in zip(rows, scores))
        assert worst < TOLERANCE, worst
        for row, (_, accuracy) in zip(rows, scores):
            assert abs(row["accuracies"][1] - accuracy) < 1.5 / 1797, (row["accuracies"], accuracy)
        refused = path(program, folder, "", expected)
        assert refused.returncode == 2 and "data.std = [0.5]" in refused.stderr, refused.stderr
        print(f"10 losses of PyTorch's, the worst differs by {worst:.1e}; another normalisation is refused:")
        print(refused.stderr.strip())


if __name__ == "__main__":
    main(sys.argv[1])
