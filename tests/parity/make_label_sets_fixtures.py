"""Makes tests/parity/label_sets.json with scikit-learn 1.5.2: metrics of rows with any number of labels, with ties and a label that no row has."""

import json
import pathlib

import numpy as np
from sklearn import metrics

rng = np.random.default_rng(7)


def averages(y, guess, p, average):
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(y, guess, average=average, zero_division=0)
    if average == "macro":
        ranked = [c for c in range(y.shape[1]) if 0 < y[:, c].sum() < len(y)]
        y, p = y[:, ranked], p[:, ranked]
    return {
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1),
        "roc_auc": float(metrics.roc_auc_score(y, p, average=average)),
        "average_precision": float(metrics.average_precision_score(y, p, average=average)),
    }


def case(name, rows, shares, decimals):
    y = (rng.random((rows, len(shares))) < shares).astype(int)
    logits = rng.standard_normal(y.shape) + 2.0 * y - 1.2
    p = np.round(1 / (1 + np.exp(-logits)), decimals)
    guess = (p > 0.5).astype(int)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(y, guess, average=None, zero_division=0)
    sets, counts = np.unique(y, axis=0, return_counts=True)
    return {
        "name": name,
        "labels": y.tolist(),
        "probabilities": p.tolist(),
        "subset_accuracy": float(metrics.accuracy_score(y, guess)),
        "majority": float(counts.max() / rows),
        "hamming_loss": float(metrics.hamming_loss(y, guess)),
        "micro": averages(y, guess, p, "micro"),
        "macro": averages(y, guess, p, "macro"),
        "by_label": [[int(s), float(a), float(b), float(c)] for s, a, b, c in zip(support, precision, recall, f1)],
    }


cases = [
    case("three labels", 90, [0.5, 0.2, 0.05], 3),
    case("ties", 60, [0.4, 0.4], 1),
    case("a label that no row has", 50, [0.6, 0.0, 0.3, 0.1], 3),
]
path = pathlib.Path(__file__).with_name("label_sets.json")
path.write_text(json.dumps(cases) + "\n")
