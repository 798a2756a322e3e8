"""Makes tests/parity/folds.json with scikit-learn 1.5.2: rows of each class in each fold of StratifiedKFold, and sizes of KFold's folds."""

import json
import pathlib

import numpy as np
import sklearn
from sklearn.model_selection import KFold, StratifiedKFold

rng = np.random.default_rng(11)


def by_appearance(labels):
    """Classes numbered in the order in which they first come, as StratifiedKFold takes them."""
    first = {}
    return np.array([first.setdefault(label, len(first)) for label in labels])


def case(name, labels, folds):
    x = np.zeros((len(labels), 1))
    classes = int(max(labels)) + 1
    counts = {}
    # Shuffled or not, whatever the seed: only the rows differ.
    for seed in (None, 0, 1):
        stratified = StratifiedKFold(folds, shuffle=seed is not None, random_state=seed)
        dealt = [np.bincount(labels[held], minlength=classes).tolist() for _, held in stratified.split(x, labels)]
        sizes = [len(held) for _, held in KFold(folds, shuffle=seed is not None, random_state=seed).split(x)]
        counts[seed] = (dealt, sizes)
    assert counts[None] == counts[0] == counts[1]
    return {"name": name, "labels": labels.tolist(), "folds": folds, "stratified": counts[None][0], "sizes": counts[None][1]}


def drawn(rows, shares):
    return by_appearance(rng.choice(len(shares), rows, p=shares))


cases = [
    case("as many of each", by_appearance(np.arange(60) % 3), 5),
    case("one row too many", by_appearance(np.arange(61) % 3), 4),
    case("two classes, one rare", drawn(200, [0.9, 0.1]), 5),
    case("four classes of unlike sizes", drawn(97, [0.5, 0.25, 0.15, 0.1]), 4),
    case("many classes", drawn(331, [0.1] * 10), 10),
    case("one class", by_appearance([0] * 23), 7),
    case("two folds", drawn(41, [0.7, 0.3]), 2),
    case("a fold a row", by_appearance([0] * 9), 9),
]
fixture = {"scikit_learn": sklearn.__version__, "cases": cases}
path = pathlib.Path(__file__).with_name("folds.json")
path.write_text(json.dumps(fixture) + "\n")
print(path, path.stat().st_size)
