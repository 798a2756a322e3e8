"""Real jobs: trains the program and scikit-learn on the same rows, and prints both results as a Markdown table.

The data are those that scikit-learn ships or makes, and two made here from a seed; nothing is downloaded. Each job is
two files, a training and a test part, drawn by scikit-learn with a fixed seed (the series: its last fifth is the test
part).

Settings are chosen among a few candidates without the test part: by the mean of five folds of the training part
(`--folds 5`; the series: by its last validation part), one seed. The best is then trained on the whole training part
with each seed, and evaluated on the test part once. scikit-learn's models are chosen likewise, by a five-fold
GridSearchCV. The digits have no test part: five folds, with the program's defaults, nothing chosen.

Seconds are those of the whole command `unisono train` (median of the seeds), and of fit and predict of scikit-learn's
chosen model without its start and its search.

Usage: tests/parity/real_jobs.py [--program target/release/unisono] [--folder FOLDER] [--seeds 1,2,3] [JOB...]
"""
import argparse
import csv
import json
import pathlib
import shlex
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import Callable

import numpy as np
from sklearn import datasets, metrics
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, PredefinedSplit, TimeSeriesSplit, cross_val_predict, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler
from sklearn.svm import SVC

TEST_SHARE = 0.25
SPLIT_SEED = 1


@dataclass
class Table:
    """Columns of features and labels; gaps are None, words are texts."""

    names: list
    x: np.ndarray
    y: np.ndarray
    words: tuple = ()


# Data.


def diabetes():
    data = datasets.load_diabetes(scaled=False)
    return Table(list(data.feature_names), data.data.astype(object), data.target)


def named(data, x):
    return Table([name.replace(" ", "_") for name in data.feature_names], x, data.target_names[data.target].astype(str))


def cancer():
    data = datasets.load_breast_cancer()
    x = data.data.astype(object)
    x[np.random.default_rng(5).random(x.shape) < 0.05] = None
    return named(data, x)


def wine():
    data = datasets.load_wine()
    return named(data, data.data.astype(object))


def passengers():
    """People on a ship: who is saved follows from sex, age, class and family, and from chance."""
    rng = np.random.default_rng(1912)
    rows = 1309
    travel = rng.choice([1, 2, 3], rows, p=[0.25, 0.21, 0.54])
    sex = rng.choice(["male", "female"], rows, p=[0.64, 0.36])
    age = np.clip(rng.gamma(4.5, 7.5, rows) + 6 * (3 - travel) - 4, 0.5, 80).round(1)
    family = np.minimum(rng.poisson(np.where(rng.random(rows) < 0.4, 1.6, 0.1)), 8)
    fare = (rng.lognormal(np.array([4.1, 2.9, 2.3])[travel - 1], 0.45) * (1 + 0.6 * family)).round(2)
    port = rng.choice(["Southampton", "Cherbourg", "Queenstown"], rows, p=[0.7, 0.21, 0.09])
    deck = np.array([rng.choice(list({1: "ABCDE", 2: "DEF", 3: "EFG"}[kind])) for kind in travel])
    is_woman, is_child = sex == "female", age < 14
    score = -1.6 + 3.4 * is_woman + 1.0 * (travel == 1) - 1.3 * (is_woman & (travel == 3)) - 0.015 * age
    score += 2.4 * (is_child & (family < 4)) - 1.5 * (family >= 4) + 0.5 * (port == "Cherbourg")
    saved = np.where(rng.random(rows) < 1 / (1 + np.exp(-1.3 * score)), "yes", "no")
    columns = [values.astype(object) for values in (travel, sex, age, family, fare, port, deck)]
    for at, share in ((2, 0.20), (4, 0.01), (5, 0.02)):
        columns[at][rng.random(rows) < share] = None
    columns[6][rng.random(rows) < np.where(travel == 1, 0.25, 0.93)] = None
    names = ["class", "sex", "age", "family", "fare", "port", "deck"]
    return Table(names, np.column_stack(columns), saved, words=(1, 5, 6))


def fraud():
    x, y = datasets.make_classification(n_samples=12_000, n_features=20, n_informative=8, n_redundant=4,
                                        n_clusters_per_class=3, weights=[0.97], flip_y=0.005, class_sep=1.2,
                                        random_state=3)
    return Table([f"v{at}" for at in range(20)], x.round(4).astype(object), np.where(y == 1, "fraud", "fine"))


def digits():
    data = datasets.load_digits()
    return Table(data.feature_names, data.data.astype(int).astype(object), data.target)


def series():
    """Mackey and Glass's chaotic series with noise: 48 values, and the one 12 steps after them."""
    rng = np.random.default_rng(17)
    values = [1.2] * 18
    for _ in range(4400):
        values.append(0.9 * values[-1] + 0.2 * values[-18] / (1 + values[-18] ** 10))
    values = np.array(values[400:])
    values += 0.03 * rng.standard_normal(len(values))
    windows = np.lib.stride_tricks.sliding_window_view(values, 48)[:-12]
    return windows[:, :, None].astype(np.float32), values[59:].astype(np.float32)


# scikit-learn.


def numbers(x):
    return np.array([[np.nan if value is None else float(value) for value in row] for row in x])


def linear(model, grid, scoring, cv=5):
    """A linear model of standardised numbers, gaps filled with the median and marked."""
    steps = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler(), model)
    return GridSearchCV(steps, grid, scoring=scoring, cv=cv)


def ridge(table, scoring):
    return linear(Ridge(), {"ridge__alpha": np.logspace(-2, 3, 11)}, scoring), numbers


def logistic(table, scoring):
    return linear(LogisticRegression(max_iter=5000), {"logisticregression__C": np.logspace(-3, 2, 11)}, scoring), numbers


def trees(table, scoring):
    words = list(table.words)
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    encode = make_column_transformer((encoder, words), remainder="passthrough")
    # The encoded columns come first.
    boosted = HistGradientBoostingClassifier(categorical_features=list(range(len(words))), random_state=0)
    grid = {f"histgradientboostingclassifier__{key}": values for key, values in
            {"learning_rate": [0.03, 0.1], "max_iter": [100, 200], "max_leaf_nodes": [4, 8, 31]}.items()}

    def cells(x):
        return np.array([[np.nan if value is None else value for value in row] for row in x], dtype=object)

    return GridSearchCV(make_pipeline(encode, boosted), grid, scoring=scoring, cv=5), cells


# Jobs.


@dataclass
class Job:
    """A job: its data, what is tried, what decides, and what it stands beside."""

    table: Callable
    candidates: list
    metric: str
    scoring: object
    peers: dict


def grid(layers, *others):
    """Every choice of layers with every one of the others."""
    found = [f'--layers "{one}"' for one in layers]
    for choices in others:
        found = [f"{one} {choice}".strip() for one in found for choice in choices]
    return found


BY_RANKING = metrics.make_scorer(metrics.average_precision_score, response_method="predict_proba", pos_label="fraud")
ADAM = "--optimizer adamw --lr 0.003"
JOBS = {
    "diabetes": Job(diabetes, grid(["flatten", "dense 8, tanh", "dense 32, relu"], ["--l2 0.003", "--l2 0.03"],
                                   ["--lr 0.005 --epochs 30", "--lr 0.005 --epochs 100"]),
                    "r2", "r2", {"ridge": ridge}),
    "cancer": Job(cancer, grid(["flatten", "dense 16, relu", "dense 64, relu"], ["--l2 0.001", "--l2 0.01", "--l2 0.05"],
                               ["--lr 0.02 --epochs 60"]),
                  "accuracy", "accuracy", {"logistic regression": logistic}),
    "wine": Job(wine, grid(["flatten", "dense 16, relu", "dense 64, relu"], ["--l2 0.001", "--l2 0.01", "--l2 0.05"],
                           ["--lr 0.02 --epochs 60"]),
                "accuracy", "accuracy", {"logistic regression": logistic}),
    "passengers": Job(passengers, grid(["dense 16, relu", "dense 64, relu", "dense 64, relu, dense 32, relu"],
                                       ["--l2 0.003", "--l2 0.01"], ["--lr 0.02 --epochs 20", "--lr 0.02 --epochs 60"]),
                      "accuracy", "accuracy", {"boosted trees": trees}),
    "fraud": Job(fraud, grid(["dense 64, relu, dense 64, relu", "dense 128, relu, dense 128, relu"],
                             ["", "--class-weights balanced"],
                             [f'{ADAM} --batch-size 64 --epochs 20 --schedule "cosine over 20 epochs"']),
                 "average_precision", BY_RANKING, {"logistic regression": logistic, "boosted trees": trees}),
}
SERIES = grid(["flatten", "gru 32", "lstm 32"], [f'{ADAM} --epochs 20 --schedule "cosine over 20 epochs"'])


class Program:
    """The program, in a folder."""

    def __init__(self, path, folder):
        self.path, self.folder = pathlib.Path(path).resolve(), folder

    def lines(self, *args):
        """What a command prints as JSON, and its seconds."""
        start = time.perf_counter()
        done = subprocess.run([self.path, *args, "--json"], cwd=self.folder, capture_output=True, text=True)
        seconds = time.perf_counter() - start
        if done.returncode:
            raise SystemExit(f"{shlex.join(map(str, args))}: {done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()], seconds

    def train(self, settings, out, seed):
        """What `eval` finds of a training, and its seconds."""
        where = ["--out", str(pathlib.Path("runs") / out), "--seed", str(seed)]
        _, seconds = self.lines("train", *shlex.split(settings), *where)
        return where[1], seconds

    def evaluate(self, run, part="test"):
        return self.lines("eval", run, "--part", part)[0][0]


def write(path, table, rows):
    with path.open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow([*table.names, "label"])
        out.writerows([*row, label] for row, label in zip(table.x[rows], table.y[rows]))


def shown(found):
    """The metrics of an evaluation that belong into the table."""
    if "accuracy" not in found or found["accuracy"] is None:
        return {"R2": found["r2"]}
    values = {"accuracy": found["accuracy"]}
    if "fraud" in found["class_names"]:
        of_fraud = found["metrics"]["classes"][found["class_names"].index("fraud")]
        values |= {"average precision": found["metrics"]["average_precision"], "recall": of_fraud["recall"],
                   "precision": of_fraud["precision"]}
    return values


def scored(model, x, y):
    """The same of scikit-learn's model."""
    guess = model.predict(x)
    if not hasattr(model, "classes_"):
        return {"R2": metrics.r2_score(y, guess)}
    values = {"accuracy": metrics.accuracy_score(y, guess)}
    if "fraud" in model.classes_:
        fraud_p = model.predict_proba(x)[:, list(model.classes_).index("fraud")]
        values |= {"average precision": metrics.average_precision_score(y == "fraud", fraud_p),
                   "recall": metrics.recall_score(y, guess, pos_label="fraud"),
                   "precision": metrics.precision_score(y, guess, pos_label="fraud", zero_division=0)}
    return values


def text(name, value):
    return f"{100 * value:.1f} %" if name == "accuracy" else f"{value:.3f}"


def cell(results):
    """Results of several seeds, metric by metric."""
    parts = []
    for name in results[0]:
        label = "" if name == "accuracy" and len(results[0]) == 1 else f"{name} "
        parts.append(label + ", ".join(text(name, result[name]) for result in results))
    return "; ".join(parts)


def peer(model, data):
    """Fits a search, and gives its result on the test part, and the seconds of its best model alone."""
    train_x, train_y, test_x, test_y = data
    model.fit(train_x, train_y)
    start = time.perf_counter()
    values = scored(model.best_estimator_, test_x, test_y)
    return values, model.refit_time_ + time.perf_counter() - start, model.best_params_


def tabled(program, name, job, seeds):
    """A row of the table: a job whose data are two CSV files."""
    table = job.table()
    stratify = table.y if isinstance(table.y[0], str) else None
    train, test = train_test_split(np.arange(len(table.y)), test_size=TEST_SHARE, stratify=stratify,
                                   random_state=SPLIT_SEED)
    files = [f"{name}_train.csv", f"{name}_test.csv"]
    for file, rows in zip(files, (train, test)):
        write(program.folder / file, table, rows)
    scores = []
    for settings in job.candidates:
        command = f"--data {files[0]} --folds 5 --seed 1 {settings}"
        lines, _ = program.lines("train", *shlex.split(command))
        scores.append(lines[-1]["metrics"][job.metric]["mean"])
        print(f"# {name}: folds' {job.metric} {scores[-1]:.4f}: {settings}", flush=True)
    chosen = job.candidates[int(np.argmax(scores))]
    command = f"--data {files[0]} --test {files[1]} {chosen}"
    runs = [program.train(command, f"{name}-{seed}", seed) for seed in seeds]
    ours = cell([shown(program.evaluate(run)) for run, _ in runs])
    theirs, times = [], []
    for peer_name, make in job.peers.items():
        model, cells = make(table, job.scoring)
        values, seconds, params = peer(model, (cells(table.x[train]), table.y[train], cells(table.x[test]), table.y[test]))
        print(f"# {name}: {peer_name}: {params}", flush=True)
        theirs.append(f"{peer_name}: {cell([values])}")
        times.append(f"{seconds:.2f}")
    return row(f"{name}, {len(train)} + {len(test)} rows", command, ours, "; ".join(theirs),
               f"{statistics.median(seconds for _, seconds in runs):.2f}; {', '.join(times)}")


def folds_of_digits(program, seeds):
    """The digits in five folds, with the program's defaults; scikit-learn on the program's own folds."""
    table = digits()
    write(program.folder / "digits.csv", table, np.arange(len(table.y)))
    command = "--data digits.csv --folds 5 --split-seed 1"
    results, times = [], []
    for seed in seeds:
        out = f"digits-{seed}"
        _, seconds = program.train(command, out, seed)
        times.append(seconds)
        found = json.loads((program.folder / "runs" / out / "folds.json").read_text())
        results.append({"accuracy": found["metrics"]["accuracy"]["mean"]})
    with (program.folder / "runs" / out / "out_of_fold.csv").open() as file:
        folds = PredefinedSplit([int(line["fold"]) for line in csv.DictReader(file)])
    x, theirs, spent = table.x.astype(float), [], []
    for name, model in (("logistic regression", LogisticRegression(max_iter=5000)), ("SVC", SVC())):
        start = time.perf_counter()
        guess = cross_val_predict(make_pipeline(StandardScaler(), model), x, table.y, cv=folds)
        spent.append(f"{time.perf_counter() - start:.2f}")
        held = [(guess[rows] == table.y[rows]).mean() for _, rows in folds.split()]
        theirs.append(f"{name}: {100 * np.mean(held):.1f} %")
    return row("digits, five folds of 1,797 rows", command, cell(results), "; ".join(theirs),
               f"{statistics.median(times):.2f}; {', '.join(spent)}")


def sequences(program, seeds):
    """The series: windows of it as sequences in an archive of arrays."""
    x, y = series()
    cut = len(y) * 4 // 5
    # No value of a test window has been a target of training.
    test = slice(cut + 60, None)
    np.savez(program.folder / "series_train.npz", x=x[:cut], y=y[:cut])
    np.savez(program.folder / "series_test.npz", x=x[test], y=y[test])
    base = "--data series_train.npz --test series_test.npz"
    scores = []
    for at, settings in enumerate(SERIES):
        run, _ = program.train(f"{base} --split last --valid-share 0.2 {settings}", f"series-choice-{at}", 1)
        scores.append(program.evaluate(run, "valid")["r2"])
        print(f"# series: validation R2 {scores[-1]:.4f}: {settings}", flush=True)
    command = f"{base} {SERIES[int(np.argmax(scores))]}"
    runs = [program.train(command, f"series-{seed}", seed) for seed in seeds]
    ours = cell([shown(program.evaluate(run)) for run, _ in runs])
    model = linear(Ridge(), {"ridge__alpha": np.logspace(-2, 3, 11)}, "r2", TimeSeriesSplit(5))
    values, seconds, _ = peer(model, (x[:cut, :, 0], y[:cut], x[test][:, :, 0], y[test]))
    return row(f"series, {cut} + {len(y[test])} windows", command, ours, f"ridge: {cell([values])}",
               f"{statistics.median(seconds for _, seconds in runs):.2f}; {seconds:.2f}")


def row(job, command, ours, theirs, seconds):
    return f"| {job} | `{command}` | {ours} | {theirs} | {seconds} |"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default="target/release/unisono")
    parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("jobs", nargs="*", default=[*JOBS, "digits", "series"])
    args = parser.parse_args()
    seeds = [int(seed) for seed in args.seeds.split(",")]
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        program = Program(args.program, folder)
        rows = []
        for name in args.jobs:
            if name == "digits":
                rows.append(folds_of_digits(program, seeds))
            elif name == "series":
                rows.append(sequences(program, seeds))
            else:
                rows.append(tabled(program, name, JOBS[name], seeds))
        print(f"| job | command: `unisono train ... --seed N` | seeds {args.seeds.replace(',', ', ')} | scikit-learn | seconds |")
        print("|---|---|---|---|---|")
        print("\n".join(rows))


if __name__ == "__main__":
    main()
