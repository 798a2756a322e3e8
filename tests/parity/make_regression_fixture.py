#!/usr/bin/env python3
"""Makes tests/parity/regression.json with PyTorch: a regression of three targets, from the file's rows to errors in units.

    pip install torch==2.15.0 numpy && python tests/parity/make_regression_fixture.py

`train` and `test` are the lines of two tables. `start` and the `after` of each loss have the weights of
Linear(4, 8), Tanh, Linear(8, 3) in PyTorch's layout, by PyTorch's names: before training, and after `epochs` passes over
the rows in their order, in batches of `batch` (the last one is smaller), by SGD with `lr` and `momentum`. Features and
targets are standardised by mean and deviation (of all rows, not of a sample) of the train part. `test_loss` is of
standardised targets, `targets` has root mean squared error, mean absolute error and R2 of each target in its units.
All of it in doubles, so that differences are ours.
"""
import json
import pathlib

import numpy as np
import torch
import torch.nn as nn

EPOCHS, BATCH, LR, MOMENTUM = 6, 16, 0.05, 0.9
FEATURES, TARGETS = ["area", "rooms", "age", "floor"], ["price", "rent", "score"]
LOSSES = {"mse": nn.MSELoss(), "huber": nn.HuberLoss(delta=0.5), "l1": nn.L1Loss()}

rng = np.random.default_rng(3)
torch.set_num_threads(1)


def table(rows):
    """Numbers as they stand in a file: of unlike sizes, with a few outliers, so that Huber's loss is not half the squared one."""
    area, rooms = rng.uniform(20, 200, rows), rng.integers(1, 7, rows) + rng.choice([0, 0.5], rows)
    age, floor = rng.exponential(30, rows), rng.normal(3, 2, rows)
    price = 2000 * area + 15000 * rooms - 900 * age + rng.standard_t(2, rows) * 20000
    rent = 8 * area + 40 * np.sin(floor) * rooms + rng.normal(0, 60, rows)
    score = 0.01 * (age - 30) * floor + rng.standard_t(3, rows) * 0.3
    digits = [2, 1, 3, 4, 0, 2, 5]
    return np.stack([column.round(n) for column, n in zip([area, rooms, age, floor, price, rent, score], digits)], 1)


def lines(values):
    return [",".join(FEATURES + TARGETS)] + [",".join(repr(float(value)) for value in row) for row in values]


def weights(model):
    # The start is in singles, as files have it.
    return {name: tensor.detach().reshape(-1).tolist() for name, tensor in model.state_dict().items()}


train, test = table(90), table(40)
mean, deviation = train.mean(0), train.std(0)
# Standardised in doubles, rounded to singles: what a network of singles is given.
tensor = lambda values: torch.tensor(((values - mean) / deviation).astype(np.float32), dtype=torch.float64)
x, y = tensor(train)[:, :4], tensor(train)[:, 4:]
x_test, y_test = tensor(test)[:, :4], tensor(test)[:, 4:]

torch.manual_seed(5)
start = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)).to(torch.float64)
with torch.no_grad():
    for parameter in start.parameters():
        parameter.copy_(parameter.float().double())

fixture = {
    "torch": torch.__version__, "epochs": EPOCHS, "batch": BATCH, "lr": LR, "momentum": MOMENTUM, "train": lines(train),
    "test": lines(test), "start": weights(start), "losses": {},
}
for name, loss in LOSSES.items():
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)).to(torch.float64)
    model.load_state_dict(start.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM)
    for _ in range(EPOCHS):
        for rows, targets in zip(x.split(BATCH), y.split(BATCH)):
            optimizer.zero_grad()
            loss(model(rows), targets).backward()
            optimizer.step()
    with torch.no_grad():
        outputs = model(x_test)
    predicted = outputs.numpy() * deviation[4:] + mean[4:]
    truth = test[:, 4:]
    misses = predicted - truth
    spread = ((truth - truth.mean(0)) ** 2).sum(0)
    errors = zip(TARGETS, np.sqrt((misses**2).mean(0)), np.abs(misses).mean(0), 1 - (misses**2).sum(0) / spread)
    fixture["losses"][name] = {
        "after": weights(model),
        "test_loss": loss(outputs, y_test).item(),
        "targets": [{"name": target, "rmse": rmse, "mae": mae, "r2": r2} for target, rmse, mae, r2 in errors],
        # Three rows of what is predicted, in units.
        "predicted": predicted[:3].tolist(),
    }
path = pathlib.Path(__file__).with_name("regression.json")
path.write_text(json.dumps(fixture) + "\n")
print(path, path.stat().st_size)
