"""Reads a run's folder with the readers that its users have: safetensors and TensorBoard. Usage: read_run.py DIR"""

import json
import pathlib
import sys

from safetensors.numpy import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def main(folder: pathlib.Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    weights = load_file(folder / "model.safetensors")
    count = sum(tensor.size for tensor in weights.values())
    assert count == manifest["num_params"], (count, manifest["num_params"])

    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    # After a resume there is a file of events a process; the steps that both have are the same.
    events = {}
    for file in sorted(folder.glob("events.out.tfevents.*")):
        accumulator = EventAccumulator(str(file), size_guidance={"scalars": 0}).Reload()
        for tag in accumulator.Tags()["scalars"]:
            events.setdefault(tag, {}).update({point.step: point.value for point in accumulator.Scalars(tag)})
    for tag, event, key in [
        ("step/loss", "step", "loss"),
        ("step/gradient norm", "step", "grad_norm"),
        ("loss/test", "epoch", "test_loss"),
        ("accuracy/test", "epoch", "test_accuracy"),
    ]:
        wanted = {record["step"]: record[key] for record in records if record["event"] == event}
        assert wanted and wanted.keys() == events[tag].keys(), (tag, len(wanted), len(events[tag]))
        for step, value in wanted.items():
            assert abs(events[tag][step] - value) <= 1e-6 * abs(value), (tag, step, value)
    print(f"{folder}: {len(weights)} tensors, {count} parameters, {len(events)} tags of {len(records)} records")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
