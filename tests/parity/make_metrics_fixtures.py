"""Makes tests/parity/metrics.json with scikit-learn 1.5.2: metrics of classifiers, with ties, rare and absent classes."""

import json
import pathlib

import numpy as np
from sklearn import metrics

rng = np.random.default_rng(42)


def case(name, classes, rows, shares, decimals, present=None):
    y = rng.choice(classes, size=rows, p=shares)
    logits = rng.standard_normal((rows, classes)) + 1.2 * np.eye(classes)[y]
    if present is not None:
        logits[:, present:] -= 3
    p = np.exp(logits)
    p = np.round(p / p.sum(axis=1, keepdims=True), decimals)
    guess = p.argmax(axis=1)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(y, guess, labels=range(classes), zero_division=0)
    ranked = [c for c in range(classes) if 0 < (y == c).sum() < rows]
    auc = {c: float(metrics.roc_auc_score(y == c, p[:, c])) for c in ranked}
    average = {c: float(metrics.average_precision_score(y == c, p[:, c])) for c in ranked}
    one = lambda values: values[1] if classes == 2 else float(np.mean(list(values.values())))
    macro = metrics.precision_recall_fscore_support(y, guess, average="macro", zero_division=0)
    clipped = np.clip(p, np.finfo(float).eps, 1)
    # Probabilities are rounded, so that some are equal; scikit-learn's top_k takes the last of equals, we take the first.
    top = np.argsort(-p, axis=1, kind="stable")[:, :5]
    return {
        "name": name,
        "classes": y.tolist(),
        "probabilities": p.tolist(),
        "accuracy": metrics.accuracy_score(y, guess),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, guess),
        "precision": float(macro[0]),
        "recall": float(macro[1]),
        "f1": float(macro[2]),
        "top_5": float((top == y[:, None]).any(axis=1).mean()) if classes > 5 else None,
        # log_loss would divide each row by its sum first.
        "log_loss": float(-np.log(clipped[np.arange(rows), y]).mean()),
        "roc_auc": one(auc),
        "average_precision": one(average),
        "by_class": [[int(s), float(a), float(b), float(c)] for s, a, b, c in zip(support, precision, recall, f1)],
        "confusion": metrics.confusion_matrix(y, guess, labels=range(classes)).tolist(),
    }


cases = [
    case("rare", 2, 300, [0.95, 0.05], 3),
    case("ties", 2, 120, [0.6, 0.4], 1),
    case("three, one never predicted", 3, 90, [0.5, 0.4, 0.1], 4, present=2),
    case("ten, two absent", 10, 160, [0.2, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0, 0], 3),
]
path = pathlib.Path(__file__).with_name("metrics.json")
path.write_text(json.dumps(cases) + "\n")
