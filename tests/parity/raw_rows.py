"""Runs the models that tests/program/onnx_rows.rs has left on rows as the files have them: they must say what `predict` said.

Usage: raw_rows.py DIR
"""
import csv
import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime


def number(cell):
    try:
        return float(cell)
    except ValueError:
        return np.nan


def fed(file, session, metadata):
    """The rows of a file by the names of the model's inputs."""
    if file.suffix == ".npy":
        return {"x": np.load(file)}
    kind = json.loads(metadata["preparation"])["rows"]
    lines = list(csv.DictReader(file.open()))
    names = kind["columns"]["names"]
    inputs = session.get_inputs()
    if len(inputs) == 1 and inputs[0].type == "tensor(double)":
        table = np.array([[number(line[name]) for name in names] for line in lines])
        if kind["kind"] == "series":
            length = kind["windows"]["length"]
            table = np.stack([table[at:at + length] for at in range(len(table) - length + 1)])
        return {"x": table}
    assert [given.name for given in inputs] == json.loads(metadata["inputs"])
    columns = {}
    for given, name in zip(inputs, names, strict=True):
        cells = [line[name] for line in lines]
        if given.type == "tensor(string)":
            columns[given.name] = np.array(cells, dtype=object)[:, None]
        else:
            columns[given.name] = np.array([number(cell) for cell in cells])[:, None]
    return columns


def predicted(outputs, lines, metadata):
    """Outputs as predictions, and those that were printed."""
    if "targets" in metadata:
        names = json.loads(metadata["targets"])
        return outputs, np.array([[line["predicted"][name] for name in names] for line in lines])
    shares = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True), np.array([line["probabilities"] for line in lines])


def main(folder):
    models = sorted(folder.glob("*.onnx"))
    assert {model.stem for model in models} == {"numbers", "words", "series", "images"}, models
    for model in models:
        onnx.checker.check_model(onnx.load(model), full_check=True)
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        metadata = session.get_modelmeta().custom_metadata_map
        file = next(path for path in folder.glob(f"{model.stem}.*") if path.suffix in (".csv", ".npy"))
        lines = [json.loads(line) for line in model.with_suffix(".jsonl").open()]
        outputs = session.run(None, fed(file, session, metadata))[0].astype(np.float64)
        got, wanted = predicted(outputs, lines, metadata)
        assert got.shape == wanted.shape, (model.name, got.shape, wanted.shape)
        error = np.abs(got - wanted).max() / max(1.0, np.abs(wanted).max())
        assert error < 1e-5, (model.name, error)
        print(f"{model.name}: {len(lines)} rows of the file, largest difference {error:.1e}")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
