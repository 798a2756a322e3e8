"""Checks the ONNX files that tests/it/onnx.rs has left, with onnx's checker and onnxruntime. Usage: check_onnx.py DIR"""

import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime


def main(folder: pathlib.Path) -> None:
    files = sorted(folder.glob("*.onnx"))
    assert files, f"no ONNX files in {folder}"
    for file in files:
        model = onnx.load(file)
        onnx.checker.check_model(model, full_check=True)
        case = json.loads(file.with_suffix(".json").read_text())
        x = np.array(case["x"], np.float32).reshape(-1, *case["shape"])
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        y = session.run(None, {"x": x})[0].reshape(len(x), -1)
        wanted = np.array(case["y"], np.float32).reshape(len(x), -1)
        error = np.abs(y - wanted).max() / max(1.0, np.abs(wanted).max())
        assert error < 1e-5, (file.name, error)
        print(f"{file.name}: {len(model.graph.node)} nodes, largest difference {error:.1e}")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
