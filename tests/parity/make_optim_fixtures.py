#!/usr/bin/env python3
"""Makes tests/parity/optim.safetensors: fifty steps of PyTorch's optimisers on a small net, and its schedules' rates.

    pip install torch==2.15.0 numpy safetensors && python tests/parity/make_optim_fixtures.py

The file holds x (16, 5), t (16), start (the flat parameters: each layer's weight as (in, out), then its bias), opt.NAME (the parameters
after fifty steps on the whole batch), opt.average.ema, schedule.NAME (the rate of steps 0, 1, 2, ..., base 0.4; of the plateau the rate
after each of plateau.losses). tests/it/optimizers.rs and tests/it/schedules.rs compare.
"""
import copy
import pathlib

import numpy as np
import torch
import torch.nn as nn
from safetensors.numpy import save_file
from torch.optim import SGD, Adagrad, Adam, AdamW, RMSprop, lr_scheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

torch.manual_seed(11)
torch.set_num_threads(1)
net = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3))
x, t = torch.randn(16, 5), torch.randint(0, 3, (16,))
out = {"x": x.numpy(), "t": t.numpy()}


def flat(model):
    return np.concatenate([(p.T if p.dim() == 2 else p).detach().contiguous().reshape(-1).numpy() for p in model.parameters()])


out["start"] = flat(net)


def biases_apart(model, decay):
    weights = [p for p in model.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if p.dim() != 2]
    return [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def steps(name, make, before=lambda model: None):
    model = copy.deepcopy(net)
    optimizer = make(model)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    for _ in range(50):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), t)
        loss.backward()
        before(model)
        optimizer.step()
        average.update_parameters(model)
    out[f"opt.{name}"] = flat(model)
    print(f"{name:18} {loss.item():.6f}")
    return average.module


steps("sgd", lambda m: SGD(m.parameters(), 0.1))
steps("sgd_l2", lambda m: SGD(m.parameters(), 0.1, weight_decay=0.01))
steps("sgd_l2_weights", lambda m: SGD(biases_apart(m, 0.01), 0.1))
steps("momentum", lambda m: SGD(m.parameters(), 0.05, momentum=0.9))
steps("nesterov", lambda m: SGD(m.parameters(), 0.05, momentum=0.9, nesterov=True))
steps("momentum_l2", lambda m: SGD(m.parameters(), 0.05, momentum=0.9, weight_decay=0.01))
steps("adagrad", lambda m: Adagrad(m.parameters(), 0.05))
steps("adagrad_initial", lambda m: Adagrad(m.parameters(), 0.05, initial_accumulator_value=0.1))
steps("rmsprop", lambda m: RMSprop(m.parameters(), 0.005))
steps("rmsprop_centred", lambda m: RMSprop(m.parameters(), 0.005, centered=True))
steps("rmsprop_momentum", lambda m: RMSprop(m.parameters(), 0.002, momentum=0.9))
steps("adam", lambda m: Adam(m.parameters(), 0.01))
steps("adam_l2", lambda m: Adam(m.parameters(), 0.01, weight_decay=0.01))
steps("adamw", lambda m: AdamW(m.parameters(), 0.01, weight_decay=0.1))
steps("adamw_weights", lambda m: AdamW(biases_apart(m, 0.1), 0.01))
steps("clip_norm", lambda m: SGD(m.parameters(), 0.1, momentum=0.9), lambda m: nn.utils.clip_grad_norm_(m.parameters(), 0.2))
steps("clip_value", lambda m: SGD(m.parameters(), 0.1, momentum=0.9), lambda m: nn.utils.clip_grad_value_(m.parameters(), 0.02))
steps("layer_lr", lambda m: SGD([{"params": m[0].parameters(), "lr": 0.01}, {"params": m[2].parameters()}], 0.1))
out["opt.average.ema"] = flat(steps("average", lambda m: SGD(m.parameters(), 0.1, momentum=0.9)))


def schedule(name, make, count=60):
    optimizer = SGD([nn.Parameter(torch.zeros(1))], 0.4)
    scheduler, rates = make(optimizer), []
    for _ in range(count):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(rates) < count:
            scheduler.step()
    out[f"schedule.{name}"] = np.array(rates)


schedule("step", lambda o: lr_scheduler.StepLR(o, 10, 0.5))
schedule("multistep", lambda o: lr_scheduler.MultiStepLR(o, [5, 20, 21], 0.3))
schedule("exponential", lambda o: lr_scheduler.ExponentialLR(o, 0.95))
schedule("linear", lambda o: lr_scheduler.LinearLR(o, 1.0, 0.1, 40))
schedule("warmup", lambda o: lr_scheduler.LinearLR(o, 0.1, 1.0, 20))
# Beyond its end PyTorch's cosine rises again.
schedule("cosine", lambda o: lr_scheduler.CosineAnnealingLR(o, 50, 0.04), count=51)
schedule("restarts", lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 7, 2, 0.04))
schedule("polynomial", lambda o: lr_scheduler.PolynomialLR(o, 40, 2))
schedule("onecycle", lambda o: lr_scheduler.OneCycleLR(o, 0.4, total_steps=60, pct_start=0.3, cycle_momentum=False))

losses = [1.0, 0.9, 0.8, 0.75, 0.7499, 0.7498, 0.76, 0.75, 0.74, 0.7] + [0.7] * 12 + [0.65, 0.6] + [0.6005] * 16
optimizer = SGD([nn.Parameter(torch.zeros(1))], 0.4)
plateau = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=2, threshold=1e-3, cooldown=1, min_lr=0.01)
rates = []
for loss in losses:
    optimizer.step()
    plateau.step(loss)
    rates.append(optimizer.param_groups[0]["lr"])
out["plateau.losses"], out["schedule.plateau"] = np.array(losses), np.array(rates)

path = pathlib.Path(__file__).parent / "optim.safetensors"
save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, path, metadata={"torch": torch.__version__, "numpy": np.__version__})
print(len(out), "tensors,", path.stat().st_size, "bytes, torch", torch.__version__)
