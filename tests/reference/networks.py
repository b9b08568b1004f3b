"""The networks in PyTorch, under the names of their parameter files."""

import torch
from torch import nn


def build(model, channels, inputs, classes):
    """A network for a run.toml's [model], in the default dtype."""
    norm = model["batch_norm"]
    if model["arch"] == "mlp":
        return mlp(inputs, model["hidden"], classes, norm)
    if model["arch"] == "vgg11":
        return Vgg11(channels, inputs // channels // 1024, model["width"], model["head"], classes, norm)
    if model["arch"] == "resnet":
        return ResNet(channels, (model["depth"] - 2) // 6, 1, False, classes, norm)
    return ResNet(channels, (model["depth"] - 4) // 6, model["widen"], True, classes, norm)


def mlp(inputs, hidden, classes, norm):
    network = nn.Sequential(nn.Flatten())
    for i, size in enumerate(hidden, 1):
        network.add_module(f"fc{i}", nn.Linear(inputs, size))
        if norm:
            network.add_module(f"bn{i}", nn.BatchNorm1d(size))
        network.add_module(f"relu{i}", nn.ReLU())
        inputs = size
    network.add_module(f"fc{len(hidden) + 1}", nn.Linear(inputs, classes))
    return network


class Vgg11(nn.Module):
    def __init__(self, channels, pixels, width, head, classes, norm):
        super().__init__()

        def scaled(count):
            return max(1, round(count * width))

        layers = []
        for stage in (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"):
            if stage == "M":
                layers.append(nn.MaxPool2d(2))
                continue
            layers.append(nn.Conv2d(channels, scaled(stage), 3, padding=1))
            channels = scaled(stage)
            layers += [nn.BatchNorm2d(channels)] if norm else []
            layers.append(nn.ReLU())
        self.features = nn.Sequential(*layers)
        first = scaled(int(head.split("-")[0]))
        self.classifier = nn.Sequential(
            nn.Dropout(0.0), nn.Linear(channels * pixels, first), nn.ReLU(),
            nn.Dropout(0.0), nn.Linear(first, scaled(512)), nn.ReLU(),
            nn.Linear(scaled(512), classes),
        )

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


class Block(nn.Module):
    def __init__(self, inputs, filters, stride, wide, norm):
        super().__init__()
        self.wide = wide
        if norm:
            self.bn1, self.bn2 = nn.BatchNorm2d(inputs), nn.BatchNorm2d(filters)
        else:
            self.bn1 = self.bn2 = nn.Identity()
        self.conv2 = nn.Conv2d(inputs, filters, 3, stride, 1, bias=False)
        self.conv3 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.shortcut = nn.Sequential()
        if stride > 1 or inputs != filters:
            self.shortcut.append(nn.Conv2d(inputs, filters, 1, stride, bias=False))

    def forward(self, x):
        active = torch.relu(self.bn1(x))
        skipped = self.shortcut(active if self.wide and len(self.shortcut) else x)
        return self.conv3(torch.relu(self.bn2(self.conv2(active)))) + skipped


class ResNet(nn.Module):
    def __init__(self, channels, blocks, widen, wide, classes, norm):
        super().__init__()
        layers, inputs = [nn.Conv2d(channels, 16, 3, 1, 1, bias=False)], 16
        for stage in range(3):
            for block in range(blocks):
                filters = 16 * 2**stage * widen
                stride = 2 if stage and not block else 1
                layers.append(Block(inputs, filters, stride, wide, norm))
                inputs = filters
        layers.append(nn.BatchNorm2d(inputs) if norm else nn.Identity())
        self.pre_clf = nn.Sequential(*layers)
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        return self.fc(torch.relu(self.pre_clf(x)).mean((2, 3)))
