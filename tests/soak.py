"""A long training beside a load that comes and goes, with a checkpoint every second or so: its memory
stays level, its folder holds no file too many, and its weights are those of a quiet run.

    python3 tests/soak.py target/release/unisono --minutes 120

The quiet run comes after it, with other threads, and takes up to as long again.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Steps of 20 to 50 ms, which dropout and smoothed labels keep from coming to rest.
LAYERS = "conv 32 3 pad 1, relu, conv 64 3 pad 1, relu, dense 256, relu, dropout 0.5"
TRAINING = ["train", "--layers", LAYERS, "--batch-size", "32", "--label-smoothing", "0.1"]
TRAINING += ["--epochs", "1000000"]
CHECKPOINTS = ["--checkpoint-every-steps", "25", "--checkpoint-every-epochs", "0", "--keep", "3"]

# Seconds between two looks, and for which a load stays on and off.
LOOK = 5
LOAD = 20

# What memory may grow by after the warm-up, which is the first part of the time, in KiB.
MOST_GROWTH = 1024
WARM_UP = 1 / 6


def private_kib(process):
    """The memory that the process alone holds: pages of files that the kernel has at hand come and go."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    raise AssertionError("Linux tells RssAnon")


def open_files(process):
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


class Load:
    """Two processes that use all they get, for a while, and then none for as long."""

    def __init__(self):
        command = [sys.executable, "-c", "while True: pass"]
        self.processes = [subprocess.Popen(command) for _ in range(2)]
        self.count = 0

    def turn(self, seconds):
        on = int(seconds / LOAD) % 2 == 0
        self.count = max(self.count, int(seconds / LOAD) // 2 + 1)
        for process in self.processes:
            os.kill(process.pid, signal.SIGCONT if on else signal.SIGSTOP)

    def end(self):
        for process in self.processes:
            process.kill()


def watch(running, minutes):
    """Private memory and open files at each look, and how often the load came."""
    load, looks = Load(), []
    began = time.monotonic()
    try:
        while (seconds := time.monotonic() - began) < minutes * 60:
            load.turn(seconds)
            assert running.poll() is None, "the training ended by itself"
            looks.append((seconds, private_kib(running.pid), open_files(running.pid)))
            time.sleep(LOOK)
    finally:
        load.end()
    return looks, load.count


def level(looks, minutes):
    """The largest memory of the first part after the warm-up, and of the last part as long."""
    begin = minutes * 60 * WARM_UP
    after = [look for look in looks if look[0] >= begin]
    part = max(1, len(after) // 5)
    return max(kib for _, kib, _ in after[:part]), max(kib for _, kib, _ in after[-part:])


def check_files(folder, run):
    """The files of a run with four checkpoints, the last of them that of the stop, and nothing else."""
    checkpoints = {path.name.split(".")[0] for path in (run / "checkpoints").iterdir()}
    assert len(checkpoints) <= 4, sorted(checkpoints)
    known = r"config.toml|events\.out\.tfevents\..*|lock|manifest.json|metrics.jsonl|model.json"
    known += r"|preparation.json|report.html|checkpoints/step-\d+(\.state)?\.(json|safetensors)"
    found = [str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()]
    other = [name for name in found if not re.fullmatch(known, name)]
    beside = sorted(path.name for path in folder.iterdir())
    assert not other and beside == ["run", "stderr", "stdout"], (other, beside)
    return len(found)


def soak(program, minutes, folder):
    """The training, stopped by a signal after so many minutes."""
    command = [program, *TRAINING, *CHECKPOINTS, "--threads", "3", "--out", str(folder / "run")]
    with open(folder / "stdout", "w") as out, open(folder / "stderr", "w") as err:
        environment = os.environ | {"TMPDIR": str(folder)}
        running = subprocess.Popen(command, stdout=out, stderr=err, env=environment)
        try:
            looks, loads = watch(running, minutes)
            running.send_signal(signal.SIGTERM)
            running.wait(timeout=120)
        finally:
            running.kill()
    assert "stopped after step" in (folder / "stderr").read_text()
    return looks, loads


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("program")
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--folder", type=Path, help="what is written stays in this new folder")
    arguments = parser.parse_args()
    program = os.path.abspath(arguments.program)
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="unisono-soak-"))
    folder.mkdir(exist_ok=True)

    looks, loads = soak(program, arguments.minutes, folder)
    manifest = json.loads((folder / "run" / "manifest.json").read_text())
    files = check_files(folder, folder / "run")
    first, last = level(looks, arguments.minutes)
    opened = max(count for _, _, count in looks)
    print(f"steps: {manifest['steps']} in {arguments.minutes:g} minutes, a load came {loads} times")
    print(f"memory: {first} KiB after the warm-up, {last} KiB at the end, {opened} files open at most")
    print(f"files: {files}, none too many", flush=True)

    command = [program, *TRAINING, "--max-steps", str(manifest["steps"]), "--threads", "2", "--json"]
    quiet = subprocess.run(command, capture_output=True, text=True, check=True)
    expected = json.loads(quiet.stdout.splitlines()[-1])["weights_sha256"]
    print(f"weights: {manifest['weights_sha256']}, a quiet run's: {expected}")
    assert manifest["weights_sha256"] == expected, "other bits"
    assert last - first < MOST_GROWTH, f"memory grew by {last - first} KiB"
    if arguments.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
