"""The journey of somebody who trains in PyTorch: train, `losswalk.record`, `losswalk path`.

python3 journey_torch.py LOSSWALK

Trains an MLP on the digits that losswalk has built in, under another normalisation than losswalk's own,
and checks that `losswalk path` gives PyTorch's loss and accuracy, that `--expect-loss` lets it pass, and
that without the normalisation it is refused and named. Then runs the program at the head of
docs/guide-pytorch.md as it stands there, and infers convolutional networks of PyTorch's.
"""

import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

import losswalk

REPOSITORY = Path(__file__).parents[2]
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


def six_lines(folder: Path) -> None:
    """The program of the guide, next to a checkout, leaves a run with its page and PyTorch's loss."""
    page = (REPOSITORY / "docs/guide-pytorch.md").read_text()
    guide = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    marked = re.findall(r"# (\d)", guide)
    assert marked == list("123456") and len(re.findall("losswalk[.]", guide)) == 3, marked
    (folder / "losswalk").symlink_to(REPOSITORY)
    (folder / "train.py").write_text(guide + "\nprint('loss', loss)\n")
    ended = subprocess.run([sys.executable, "train.py"], cwd=folder, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    run = losswalk.load(folder / "walk-run")
    loss = float(ended.stdout.split()[-1])
    found = run.records("line")[-1]["losses"][-1]
    assert len(run.records("steps")) == 10 and abs(found / loss - 1) < TOLERANCE, (found, loss)
    names = [f"step-{step:08}.safetensors" for step in range(11)]
    assert run.manifest["checkpoints"] == names and run.manifest["status"] == "done"
    assert "step-00000003" in (run.path / "report.html").read_text()
    print(f"the guide's six lines: a run of 10 steps that ends with PyTorch's loss {loss:.4f}")


class Residual(nn.Module):
    """A block as torchvision has it."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride > 1:
            shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(outputs))

    def forward(self, x):
        beside = self.downsample(x) if self.downsample else x
        return torch.relu(self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))) + beside)


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, 4, 3, 1, 1, bias=False), nn.BatchNorm2d(4)
        self.layer1 = nn.Sequential(Residual(4, 4, 1))
        self.layer2 = nn.Sequential(Residual(4, 8, 2), Residual(8, 8, 1))
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        return self.fc(self.layer2(self.layer1(x)).mean((2, 3)))


class Convolutional(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 6, 5, padding=2)
        self.bn2 = nn.BatchNorm2d(6)
        self.fc1, self.fc2 = nn.Linear(24, 12), nn.Linear(12, 10)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = nn.functional.max_pool2d(torch.relu(self.bn2(self.conv2(x))), 2)
        return self.fc2(torch.relu(self.fc1(x.flatten(1))))


def inferred(folder: Path) -> None:
    """Networks that losswalk infers have PyTorch's loss."""
    images, labels = digits()
    # Residual networks are for 32x32 pixels; padding leaves digits in the middle.
    cases = [
        (Convolutional(), images.view(-1, 1, 8, 8), {"name": "digits"}),
        (ResNet(), nn.functional.pad(images.view(-1, 1, 8, 8), (12,) * 4, value=-1.0), {"name": "digits", "pad": 32}),
    ]
    for network, pixels, data in cases:
        data |= {"mean": [0.5], "std": [0.5]}
        walk = folder / type(network).__name__
        for step in range(2):
            network.train()
            network(pixels[step * 100 :][:100])
            losswalk.record(network, step, walk)
        network.eval()
        with torch.no_grad():
            loss = nn.functional.cross_entropy(network(pixels), labels).item()
        run = losswalk.page(walk, data=data, points=2)
        found = run.records("line")[-1]["losses"][-1]
        assert abs(found / loss - 1) < TOLERANCE, (walk.name, found, loss)
        print(f"{walk.name}: inferred, and the loss is PyTorch's {loss:.6f}")


def main(program: str) -> None:
    os.environ["LOSSWALK"] = program
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
        (folder / "guide").mkdir()
        six_lines(folder / "guide")
        inferred(folder)


if __name__ == "__main__":
    main(str(Path(sys.argv[1]).resolve()))
