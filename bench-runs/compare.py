"""Times losswalk's passes and PyTorch's, taking turns, and writes medians beside each other.

    cargo build --release
    python3 bench-runs/compare.py [mlp vgg11 resnet56 wrn-28-10] [--passes line sgd_step ghg hv] [--rounds 5]
        [--threads 2] [--compile] [--device vulkan] [--out bench-runs/DATE-CPU.json]

PyTorch runs eagerly in both memory layouts, and compiled too with --compile (losses and training steps;
it cannot differentiate twice through what it compiles); the best of them counts. Both sides compute the same
passes over so many images in batches of 100; `losswalk help bench` says what they are.

With --device, losswalk computes there and PyTorch on CUDA: in 32 bits, which count, and in TF32 (11 bits of
mantissa in products), whose best is given beside them. There PyTorch also replays each pass from a recorded
graph, which leaves out what launching it from Python costs.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "reference"))
from networks import build  # noqa: E402

NETWORKS = {
    "mlp": ({"arch": "mlp", "hidden": [500, 350]}, (1, 28, 28)),
    "vgg11": ({"arch": "vgg11", "width": 1.0, "head": "512-512"}, (3, 32, 32)),
    "resnet56": ({"arch": "resnet", "depth": 56}, (3, 32, 32)),
    "wrn-28-10": ({"arch": "wide-resnet", "depth": 28, "widen": 10}, (3, 32, 32)),
}
PASSES = ["line", "sgd_step", "ghg", "hv"]
BATCH, POINTS = 100, 10


class Subject:
    """A network in one configuration of PyTorch, with its passes."""

    def __init__(self, name, layout, how, device, tf32):
        model, shape = NETWORKS[name]
        inputs = shape[0] * shape[1] * shape[2]
        self.plain = build({**model, "batch_norm": True}, shape[0], inputs, 10)
        self.plain = self.plain.to(device, memory_format=layout)
        # On a GPU launches are recorded and replayed too.
        mode = None if device == "cpu" else "reduce-overhead"
        self.network = torch.compile(self.plain, mode=mode) if how == "compiled" else self.plain
        self.shape, self.layout, self.device, self.tf32 = shape, layout, device, tf32
        self.how, self.graphs = how, {}
        self.start = {key: value.clone() for key, value in self.plain.state_dict().items()}
        self.end = {key: 1.01 * value for key, value in self.start.items()}
        self.optimizer = torch.optim.SGD(self.plain.parameters(), lr=1e-3)

    def batches(self, samples):
        """A generator: images are made outside of what is timed."""
        images = torch.rand(samples, *self.shape).to(self.device).contiguous(memory_format=self.layout)
        labels = (torch.arange(samples) % 10).to(self.device)
        return list(zip(images.split(BATCH), labels.split(BATCH)))

    def on(self, batch, function):
        """A function of a batch; or the replay of what it did at its first call, in which case what it
        returns is overwritten by the next."""
        if self.how != "recorded":
            return function(batch)
        if function.__name__ not in self.graphs:
            static = [part.clone() for part in batch]
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(3):
                    function(static)
            torch.cuda.current_stream().wait_stream(stream)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                result = function(static)
            self.graphs[function.__name__] = graph, static, result
        graph, static, result = self.graphs[function.__name__]
        for to, part in zip(static, batch):
            to.copy_(part)
        graph.replay()
        return result

    def mean_loss(self, batch):
        return torch.nn.functional.cross_entropy(self.network(batch[0]), batch[1])

    def summed_loss(self, batch):
        return torch.nn.functional.cross_entropy(self.network(batch[0]), batch[1], reduction="sum").double()

    def line(self, batches):
        with torch.no_grad():
            for point in range(1, POINTS + 1):
                for name, value in self.plain.state_dict().items():
                    if value.is_floating_point():
                        value.copy_(torch.lerp(self.start[name], self.end[name], point / POINTS))
                # Added where they are: what waits is the sum. Graphs write each loss to one place.
                total = torch.zeros((), dtype=torch.float64, device=self.device)
                for batch in batches:
                    total += self.on(batch, self.summed_loss)
                total.item()

    def step(self, batch):
        self.optimizer.zero_grad()
        self.mean_loss(batch).backward()
        self.optimizer.step()

    def sgd_step(self, batches):
        self.on(batches[0], self.step)

    def product(self, batch, direction):
        """The Hessian times a direction, which is the gradient where none is given."""
        parameters = list(self.plain.parameters())
        gradient = torch.autograd.grad(self.mean_loss(batch), parameters, create_graph=True)
        direction = [part.detach() for part in direction or gradient]
        slope = sum((g * v).sum() for g, v in zip(gradient, direction))
        return direction, torch.autograd.grad(slope, parameters)

    def curvature(self, batch):
        return sum((p * v).sum() for v, p in zip(*self.product(batch, None)))

    def ghg(self, batches):
        return self.on(batches[0], self.curvature).item()

    def along_theta(self, batch):
        return self.product(batch, list(self.plain.parameters()))[1]

    def hv(self, batches):
        total = [torch.zeros_like(part) for part in self.plain.parameters()]
        for batch in batches:
            for sum_, part in zip(total, self.on(batch, self.along_theta)):
                sum_ += part / len(batches)
        return total


def seconds(subject, function, batches, repetitions):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = subject.tf32
    finish = (lambda: None) if subject.device == "cpu" else torch.cuda.synchronize
    finish()
    start = time.perf_counter()
    for _ in range(repetitions):
        function(batches)
    finish()
    return (time.perf_counter() - start) / repetitions


def configurations(name, compile_too, device):
    layouts = {"": torch.contiguous_format}
    if name != "mlp":
        layouts["channels last"] = torch.channels_last
    ways = ["eager"] + ["recorded"] * (device != "cpu") + ["compiled"] * compile_too
    torch.backends.cudnn.benchmark = True
    for tf32 in [False] if device == "cpu" else [False, True]:
        # Of what has fewer bits the fastest is enough.
        for how in ways[tf32:]:
            # A GPU's convolutions are channels last inside; compiling is what takes long here.
            tried = list(layouts.items())[-1:] if how == "compiled" and device != "cpu" else layouts.items()
            for label, layout in tried:
                text = ", ".join(filter(None, [how, label, "TF32" if tf32 else ""]))
                yield text, Subject(name, layout, how, device, tf32)


def ours(arguments, name, passes):
    command = [arguments.losswalk, "bench", "--json", "--rounds", "1", "--networks", name,
               "--passes", ",".join(passes), "--threads", str(arguments.threads),
               "--device", arguments.device]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def compare(arguments, name):
    """Rows of one network, and the machine as losswalk describes it."""
    device = "cpu" if arguments.device == "cpu" else "cuda"
    subjects = list(configurations(name, arguments.compile, device))
    found = {which: ([], {label: [] for label, _ in subjects}, {}) for which in arguments.passes}
    for turn in range(arguments.rounds):
        report = ours(arguments, name, arguments.passes)
        for result in report["results"]:
            mine, theirs, last = found[result["pass"]]
            mine.append(result["milliseconds"])
            last.update(result, peak_gflops=report["peak_gflops"])
            for label, subject in subjects:
                if subject.how == "compiled" and result["pass"] in ("ghg", "hv"):
                    continue
                batches = subject.batches(result["samples"])
                function = getattr(subject, result["pass"])
                if turn == 0:
                    # Twice more where launches are recorded, which begins at the second.
                    for _ in range(1 if subject.how == "eager" else 3):
                        seconds(subject, function, batches[:1], 1)
                repetitions = 50 if name == "mlp" else 1 if device == "cpu" else 10
                repetitions = repetitions if len(batches) == 1 else 1
                theirs[label].append(1e3 * seconds(subject, function, batches, repetitions))
    rows = []
    for which, (mine, theirs, last) in found.items():
        medians = {label: statistics.median(times) for label, times in theirs.items() if times}
        best = min((label for label in medians if "TF32" not in label), key=medians.get)
        share = last["peak_gflops"] and last["gflops"] / last["peak_gflops"]
        rows.append({
            "network": name, "pass": which, "samples": last["samples"],
            "losswalk_milliseconds": statistics.median(mine), "losswalk_rounds": mine,
            "pytorch_milliseconds": medians[best], "pytorch_best": best, "pytorch_medians": medians,
            "pytorch_rounds": theirs[best],
            "ratio": medians[best] / statistics.median(mine),
            "share_of_peak": share,
        })
        row = rows[-1]
        print(f"{name:<9} {which:<9} losswalk {row['losswalk_milliseconds']:10.2f} ms   "
              f"PyTorch {row['pytorch_milliseconds']:10.2f} ms ({best})   {row['ratio']:.2f}x", flush=True)
        reduced = min((label for label in medians if "TF32" in label), key=medians.get, default=None)
        if reduced:
            row["pytorch_tf32_milliseconds"] = medians[reduced]
            print(f"{'':<19} PyTorch in TF32 {medians[reduced]:10.2f} ms ({reduced})", flush=True)
    return rows, report["machine"]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("networks", nargs="*", default=list(NETWORKS)[:3])
    arguments.add_argument("--passes", nargs="*", default=PASSES, choices=PASSES)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments.add_argument("--compile", action="store_true")
    arguments.add_argument("--device", default="cpu", help="where losswalk computes")
    arguments.add_argument("--losswalk", default=str(ROOT / "target" / "release" / "losswalk"))
    arguments.add_argument("--out", type=Path)
    arguments = arguments.parse_args()
    torch.set_num_threads(arguments.threads)
    rows = []
    for name in arguments.networks:
        found, machine = compare(arguments, name)
        rows += found
        # After each network: the next one may take long.
        if arguments.out:
            if arguments.device != "cpu":
                machine["gpu"] = torch.cuda.get_device_name()
            result = {"date": time.strftime("%Y-%m-%d"), "machine": machine, "pytorch": torch.__version__,
                      "threads": arguments.threads, "rounds": arguments.rounds, "results": rows}
            arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
