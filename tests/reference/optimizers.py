"""PyTorch's optimizer and learning-rate scheduler for a [train] table.

What the table leaves out is left to PyTorch, so that defaults are compared too.
"""

import torch
from torch.optim import lr_scheduler


def optimizer(train, parameters):
    names = {"learning_rate": "lr", "weight_decay": "weight_decay", "momentum": "momentum",
             "nesterov": "nesterov", "epsilon": "eps"}
    settings = {theirs: train[ours] for ours, theirs in names.items() if ours in train}
    if "beta1" in train:
        settings["betas"] = (train["beta1"], train["beta2"])
    rules = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    return rules[train["optimizer"]](parameters, **settings)


def scheduler(train, rule, steps):
    """To be stepped after every update."""
    schedule = train.get("schedule", {"kind": "constant"})
    factor = {"gamma": schedule["factor"]} if "factor" in schedule else {}
    warmup = schedule.get("warmup_steps", 0)
    if schedule["kind"] == "constant":
        course = lr_scheduler.LambdaLR(rule, lambda _: 1.0)
    elif schedule["kind"] == "step":
        course = lr_scheduler.StepLR(rule, schedule["every"], **factor)
    elif schedule["kind"] == "milestones":
        course = lr_scheduler.MultiStepLR(rule, schedule["milestones"], **factor)
    elif schedule["kind"] == "cosine":
        lowest = schedule.get("minimum_rate", 0.0)
        course = lr_scheduler.CosineAnnealingLR(rule, steps - warmup, lowest)
    if warmup == 0:
        return course
    start = {"start_factor": schedule["warmup_factor"]} if "warmup_factor" in schedule else {}
    rise = lr_scheduler.LinearLR(rule, total_iters=warmup, **start)
    return lr_scheduler.SequentialLR(rule, [rise, course], [warmup])
