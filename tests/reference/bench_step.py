"""Times steps of SGD on batches of 100 as PyTorch takes them, in both memory layouts.

    python3 tests/reference/bench_step.py [--threads 2] [--rounds 5] [mlp vgg11 resnet56]

Prints medians over rounds. Compare with `cargo bench --bench step` on the same machine.
"""

import argparse
import statistics
import time

import torch
from networks import build

NETWORKS = {
    "mlp": ({"arch": "mlp", "hidden": [500, 350]}, (1, 28, 28), 40),
    "vgg11": ({"arch": "vgg11", "width": 1.0, "head": "512-512"}, (3, 32, 32), 3),
    "resnet56": ({"arch": "resnet", "depth": 56}, (3, 32, 32), 3),
}
LAYOUTS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}


class Training:
    """A network in one layout, on one batch."""

    def __init__(self, model, shape, layout):
        network = build({**model, "batch_norm": True}, shape[0], shape[0] * shape[1] * shape[2], 10)
        self.network = network.to(memory_format=layout)
        self.images = torch.rand(100, *shape).contiguous(memory_format=layout)
        self.labels = torch.arange(100) % 10
        self.optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)

    def step(self):
        self.optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(self.network(self.images), self.labels)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def milliseconds(self, steps):
        start = time.perf_counter()
        for _ in range(steps):
            self.step()
        return 1e3 * (time.perf_counter() - start) / steps


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("networks", nargs="*", default=list(NETWORKS))
    arguments.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments.add_argument("--rounds", type=int, default=5)
    arguments = arguments.parse_args()
    torch.set_num_threads(arguments.threads)
    for name in arguments.networks:
        model, shape, steps = NETWORKS[name]
        trainings = {key: Training(model, shape, layout) for key, layout in LAYOUTS.items()}
        times = {key: [] for key in trainings}
        for training in trainings.values():
            training.milliseconds(1)
        for _ in range(arguments.rounds):
            for key, training in trainings.items():
                times[key].append(training.milliseconds(steps))
        found = ", ".join(f"{key} {statistics.median(times[key]):.2f} ms" for key in times)
        print(f"{name}: step {found}", flush=True)


if __name__ == "__main__":
    main()
