"""Times g'Hg of one batch of 100 as PyTorch computes it: double backward.

    python3 tests/reference/bench_curvature.py [--threads 2] [mlp vgg11 resnet56]

Prints medians of the gradient alone and of gradient, H g and g'Hg together. Compare with
`cargo bench --bench curvature` on the same machine.
"""

import argparse
import statistics
import time

import torch
from networks import build

NETWORKS = {
    "mlp": ({"arch": "mlp", "hidden": [500, 350]}, (1, 28, 28), 150),
    "vgg11": ({"arch": "vgg11", "width": 1.0, "head": "512-512"}, (3, 32, 32), 5),
    "resnet56": ({"arch": "resnet", "depth": 56}, (3, 32, 32), 5),
}


def gradient(network, images, labels, create_graph=False):
    loss = torch.nn.functional.cross_entropy(network(images), labels)
    return torch.autograd.grad(loss, list(network.parameters()), create_graph=create_graph)


def curvature(network, images, labels):
    g = gradient(network, images, labels, create_graph=True)
    direction = [part.detach() for part in g]
    slope = sum((a * b).sum() for a, b in zip(g, direction))
    product = torch.autograd.grad(slope, list(network.parameters()))
    return sum((a * b).sum() for a, b in zip(product, direction)).item()


def milliseconds(function, repetitions):
    times = []
    for _ in range(repetitions + 1):
        start = time.perf_counter()
        function()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times[1:])


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("networks", nargs="*", default=list(NETWORKS))
    arguments.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = arguments.parse_args()
    torch.set_num_threads(arguments.threads)
    for name in arguments.networks:
        model, shape, repetitions = NETWORKS[name]
        network = build({**model, "batch_norm": True}, shape[0], shape[0] * shape[1] * shape[2], 10)
        images, labels = torch.rand(100, *shape), torch.arange(100) % 10
        plain = milliseconds(lambda: gradient(network, images, labels), repetitions)
        double = milliseconds(lambda: curvature(network, images, labels), repetitions)
        print(f"{name}: gradient {plain:.2f} ms, gradient and g'Hg {double:.2f} ms")


if __name__ == "__main__":
    main()
