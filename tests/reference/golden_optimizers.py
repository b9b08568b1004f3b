"""Writes tests/golden/optimizers.json: fifty steps of every optimizer and schedule as PyTorch takes
them, in f64: the learning rate of each, and theta after every tenth.

    python3 tests/reference/golden_optimizers.py

theta starts at theta_i = sin(i^2 + 1); the gradient at step t is (i + 1) theta_i / 2 + 0.3 sin(t + i^2).
tests/it/optimizers.rs takes the same steps.
"""

import json
import math
import tomllib
from pathlib import Path

import torch
from optimizers import optimizer, scheduler

ENTRIES, STEPS, KEPT = 5, 50, 10
CASES = [
    "optimizer = 'sgd'\nlearning_rate = 0.1\nmomentum = 0.9\nnesterov = true\nweight_decay = 0.05",
    "optimizer = 'adam'",
    "optimizer = 'adam'\nlearning_rate = 0.05\nbeta1 = 0.8\nbeta2 = 0.95\nepsilon = 1e-3\n"
    "weight_decay = 0.1",
    "optimizer = 'adamw'",
    "optimizer = 'adamw'\nlearning_rate = 0.05\nbeta1 = 0.8\nbeta2 = 0.95\nepsilon = 1e-3\n"
    "weight_decay = 0.1",
    "optimizer = 'sgd'\nlearning_rate = 0.1\nmomentum = 0.9\nschedule = {kind = 'step', every = 7}",
    "optimizer = 'sgd'\nlearning_rate = 0.3\nschedule = {kind = 'milestones', milestones = [9, 10, 31],"
    " factor = 0.5}",
    "optimizer = 'sgd'\nlearning_rate = 0.2\nschedule = {kind = 'cosine', minimum_rate = 0.01}",
    "optimizer = 'adamw'\nlearning_rate = 0.05\nschedule = {kind = 'cosine', warmup_steps = 10}",
    "optimizer = 'adam'\nlearning_rate = 0.05\nschedule = {kind = 'step', every = 20, factor = 0.2,"
    " warmup_steps = 5, warmup_factor = 0.1}",
    "optimizer = 'sgd'\nlearning_rate = 0.1\nschedule = {kind = 'constant', warmup_steps = 20}",
    "optimizer = 'sgd'\nlearning_rate = 0.1\nschedule = {kind = 'milestones', milestones = [10],"
    " warmup_steps = 10, warmup_factor = 1.0}",
]


def walk(text):
    train = tomllib.loads(text)
    theta = torch.tensor([math.sin(i * i + 1) for i in range(ENTRIES)], requires_grad=True)
    rule = optimizer(train, [theta])
    schedule = scheduler(train, rule, STEPS)
    rates, path = [], []
    for t in range(STEPS):
        values = theta.tolist()
        slope = [(i + 1) * values[i] / 2 + 0.3 * math.sin(t + i * i) for i in range(ENTRIES)]
        theta.grad = torch.tensor(slope)
        rates.append(rule.param_groups[0]["lr"])
        rule.step()
        schedule.step()
        if (t + 1) % KEPT == 0:
            path.append(theta.tolist())
    return {"train": text, "rates": rates, "path": path}


def main():
    torch.set_default_dtype(torch.float64)
    path = Path(__file__).parents[1] / "golden/optimizers.json"
    path.write_text(json.dumps([walk(case) for case in CASES]) + "\n")


if __name__ == "__main__":
    main()
