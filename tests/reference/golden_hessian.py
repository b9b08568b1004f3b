"""Writes tests/golden/hessian.json: curvature of small networks in f64, from dense Hessians.

    python3 tests/reference/golden_hessian.py

Needs torch. Parameters, directions and images are formulas that the Rust test computes too. The loss is
the mean over evaluation batches, with batch norm under each of its three policies. Of the dense Hessian
H the file holds the extreme eigenvalues and, for H v, each parameter's sum and its product with cos(1),
cos(2), ...; the terms of equation 2 come from the gradients of single losses and the Hessians of single
probabilities.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F

SAMPLES, BATCH, CLASSES, EPSILON = 12, 4, 3, 1e-5
RELU, GELU, TANH, SOFTPLUS, POOL, AVERAGE = (
    {"kind": kind} for kind in ("relu", "gelu", "tanh", "softplus", "max-pool", "global-average-pool")
)


def convolution(name, outputs, **rest):
    return {"kind": "convolution", "name": name, "outputs": outputs, **rest}


def norm(name):
    return {"kind": "batch-norm", "name": name}


def linear(name, outputs):
    return {"kind": "linear", "name": name, "outputs": outputs}


RESIDUAL = {
    "kind": "residual",
    "main": [norm("b"), RELU, convolution("c", 4, stride=2, bias=False), norm("d"), SOFTPLUS],
    "shortcut": [convolution("e", 4, kernel_size=1, stride=2, bias=False)],
}
CASES = [
    (8, [convolution("a", 3), norm("an"), GELU, POOL, RESIDUAL, AVERAGE, linear("f", CLASSES)]),
    (4, [linear("a", 6), norm("an"), TANH, linear("b", 5), norm("bn"), RELU, linear("f", CLASSES)]),
    (4, [linear("a", 6), RELU, linear("b", 5), SOFTPLUS, linear("f", CLASSES)]),
]


def wave(count, shift):
    return torch.sin(torch.arange(1, count + 1, dtype=torch.float64) * 0.7 + shift)


class Network:
    """A list of layers as a function of one flat vector; `shapes` orders the parameters by name."""

    def __init__(self, layers, size):
        self.layers, self.shapes = layers, {}
        self.declare(layers, torch.zeros(2, 1, size, size))
        self.shapes = dict(sorted(self.shapes.items()))

    def declare(self, layers, x):
        for layer in layers:
            name = layer.get("name")
            if layer["kind"] == "residual":
                self.declare(layer.get("shortcut", []), x)
                x = self.declare(layer["main"], x)
                continue
            if layer["kind"] == "convolution":
                k = layer.get("kernel_size", 3)
                self.shapes[name + ".weight"] = (layer["outputs"], x.shape[1], k, k)
                if layer.get("bias", True):
                    self.shapes[name + ".bias"] = (layer["outputs"],)
            elif layer["kind"] == "linear":
                self.shapes[name + ".weight"] = (layer["outputs"], x[0].numel())
                self.shapes[name + ".bias"] = (layer["outputs"],)
            elif layer["kind"] == "batch-norm":
                self.shapes[name + ".weight"] = self.shapes[name + ".bias"] = (x.shape[1],)
            zeros = {key: torch.zeros(shape) for key, shape in self.shapes.items()}
            x = self.forward([layer], zeros, x, None, [])
        return x

    def split(self, flat):
        sizes = [torch.Size(shape).numel() for shape in self.shapes.values()]
        parts = zip(self.shapes.items(), flat.split(sizes))
        return {name: part.reshape(shape) for (name, shape), part in parts}

    def forward(self, layers, p, x, given, seen):
        for layer in layers:
            kind, name = layer["kind"], layer.get("name")
            if kind == "convolution":
                padding = (layer.get("kernel_size", 3) - 1) // 2
                x = F.conv2d(x, p[name + ".weight"], p.get(name + ".bias"), layer.get("stride", 1), padding)
            elif kind == "linear":
                x = x.flatten(1) @ p[name + ".weight"].T + p[name + ".bias"]
            elif kind == "batch-norm":
                x = self.normalise(p[name + ".weight"], p[name + ".bias"], x, given, seen)
            elif kind == "residual":
                # Rust's order of norms: the main path first.
                main = self.forward(layer["main"], p, x, given, seen)
                x = main + self.forward(layer.get("shortcut", []), p, x, given, seen)
            elif kind == "max-pool":
                x = F.max_pool2d(x, 2)
            elif kind == "global-average-pool":
                x = x.mean((2, 3))
            else:
                x = {"relu": F.relu, "gelu": F.gelu, "tanh": torch.tanh, "softplus": F.softplus}[kind](x)
        return x

    def normalise(self, weight, bias, x, given, seen):
        dims = [d for d in range(x.dim()) if d != 1]
        shape = [1, -1] + [1] * (x.dim() - 2)
        mean, count = x.mean(dims), x.numel() // x.shape[1]
        variance = x.var(dims, unbiased=False)
        seen.append((mean, variance * count / (count - 1)))
        if given is not None:
            mean, variance = given[len(seen) - 1]
        scale = weight / torch.sqrt(variance + EPSILON)
        return (x - mean.reshape(shape)) * scale.reshape(shape) + bias.reshape(shape)


def losses(network, flat, images, labels, policy):
    """The loss of every sample."""
    p, batches = network.split(flat), list(zip(images.split(BATCH), labels.split(BATCH)))
    given = None
    if policy != "batch":
        all_seen = []
        for x, _ in batches:
            all_seen.append([])
            network.forward(network.layers, p, x, None, all_seen[-1])
        if policy == "recomputed":
            weights = [len(x) / SAMPLES for x, _ in batches]
            mix = lambda which, i: sum(w * seen[i][which] for w, seen in zip(weights, all_seen))
            given = [(mix(0, i), mix(1, i)) for i in range(len(all_seen[0]))]
        else:
            channels = [len(mean) for mean, _ in all_seen[0]]
            given = [(0.1 * wave(c, 5), 1 + 0.3 * wave(c, 6)) for c in channels]
    parts = [
        F.cross_entropy(network.forward(network.layers, p, x, given, []), y, reduction="none")
        for x, y in batches
    ]
    return torch.cat(parts)


def golden(size, layers, policy):
    network = Network(layers, size)
    parts = []
    for index, shape in enumerate(network.shapes.values()):
        count = torch.Size(shape).numel()
        fan = torch.Size(shape[1:]).numel()
        parts.append(fan**-0.5 * wave(count, index) if len(shape) > 1 else 0.5 + 0.3 * wave(count, index))
    theta = torch.cat(parts)
    u = torch.cat([wave(len(part), index + 0.5) for index, part in enumerate(parts)])
    pixels = torch.floor(127.5 * (1 + wave(SAMPLES * size * size, 0.3))) / 255 - 0.5
    images = pixels.reshape(SAMPLES, 1, size, size)
    labels = torch.arange(SAMPLES) * 7 % CLASSES

    each = lambda flat: losses(network, flat, images, labels, policy)
    hessian = torch.autograd.functional.hessian(lambda flat: each(flat).mean(), theta)
    slopes = torch.autograd.functional.jacobian(each, theta) @ u
    probabilities = torch.exp(-each(theta))
    curved = lambda i: torch.autograd.functional.hessian(lambda flat: torch.exp(-each(flat)[i]), theta)
    residual = -sum((u @ curved(i) @ u) / probabilities[i] for i in range(SAMPLES)) / SAMPLES
    product = network.split(hessian @ u)
    flat_product = {name: part.flatten() for name, part in product.items()}
    cosines = {name: torch.cos(torch.arange(1.0, len(part) + 1)) for name, part in flat_product.items()}
    return {
        "layers": layers,
        "size": size,
        "policy": policy,
        "loss": each(theta).mean().item(),
        "slope": slopes.mean().item(),
        "curvature": (u @ hessian @ u).item(),
        "covariance": slopes.var(unbiased=False).item(),
        "residual": residual.item(),
        "product": {
            name: [part.sum().item(), (part * cosines[name]).sum().item()]
            for name, part in flat_product.items()
        },
        "eigenvalues": torch.linalg.eigvalsh(hessian).flip(0).tolist(),
    }


def main():
    torch.set_default_dtype(torch.float64)
    policies = ["batch", "recomputed", "running"]
    # Without a norm there is one policy.
    cases = [golden(*case, policy) for case in CASES for policy in policies[: 3 if case is not CASES[2] else 1]]
    path = Path(__file__).parents[1] / "golden" / "hessian.json"
    path.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main()
