"""Runs the README's exported model with onnxruntime on the digits' test part: it must say what `predict` said. Usage: run_onnx.py MODEL PREDICTIONS"""

import gzip
import json
import pathlib
import sys

import numpy as np
import onnxruntime

DIGITS = pathlib.Path(__file__).parents[2] / "src" / "data" / "digits.csv.gz"


def main(model: str, predictions: str) -> None:
    rows = np.loadtxt(gzip.open(DIGITS), delimiter=",", dtype=np.float32)[::5]
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    logits = session.run(None, {"x": rows[:, :64] / 16})[0].astype(np.float64)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    said = [json.loads(line) for line in open(predictions)]
    wanted = np.array([row["probabilities"] for row in said])
    error = np.abs(shares - wanted).max()
    assert len(said) == len(rows) == 360 and error < 1e-5, (len(said), error)
    accuracy = (shares.argmax(axis=1) == rows[:, 64]).mean()
    print(f"{model}: {accuracy:.2%} of {len(rows)} rows, largest difference {error:.1e}")


if __name__ == "__main__":
    main(*sys.argv[1:])
