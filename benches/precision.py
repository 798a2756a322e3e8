#!/usr/bin/env python3
"""Trains three tasks in f32 and in bf16, from several seeds each, and prints what they end with.

    cargo build --release
    python3 benches/precision.py DATA [--seeds 1,2,3] [--only mnist]

DATA is a folder with mnist/ (IDX files), tinyshakespeare/input.txt and spoken_digits/recordings.tar.gz. The trained bits, and
so the figures, do not depend on the machine.
"""
import argparse
import pathlib
import re
import statistics
import subprocess

PROGRAM = pathlib.Path(__file__).resolve().parent.parent / "target/release/unisono"
TASKS = {
    "mnist": ("MNIST, `lenet`, 2 epochs", "mnist", ["--preset", "lenet", "--batch-size", "128", "--epochs", "2", "--lr", "0.08",
                                                   "--schedule", "onecycle over 2 epochs"]),
    "shakespeare": ("Tiny Shakespeare, `gpt`, 1,000 steps", "tinyshakespeare/input.txt",
                    ["--tokens", "characters", "--preset", "gpt", "--batch-size", "12", "--max-steps", "1000", "--epochs", "1", "--optimizer", "adamw",
                     "--lr", "0.002", "--clip-norm", "1", "--schedule", "warmup 100 steps, cosine to 0.1 over 1000 steps"]),
    "spoken": ("Spoken digits, `lstm 96`, 15 epochs", "spoken_digits/recordings.tar.gz",
               ["--layers", "lstm 96", "--batch-size", "64", "--epochs", "15", "--optimizer", "adam", "--lr", "0.004"]),
}


def ends(data, task, precision, seed):
    """Test loss and accuracy in per cent."""
    _, path, settings = TASKS[task]
    command = [PROGRAM, "train", "--data", data / path, *settings, "--seed", seed, "--precision", precision]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    found = [re.search(rf"^test {name}: ([0-9.]+)", done.stdout, re.MULTILINE) for name in ("loss", "accuracy")]
    if done.returncode or not all(found):
        raise SystemExit(f"{' '.join(map(str, command))}: {done.stderr.strip()[-500:]}")
    return tuple(float(match[1]) for match in found)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--only", default=",".join(TASKS))
    a = parser.parse_args()
    print("| task | test loss, f32 | bf16 | test accuracy, f32 | bf16 |\n|---|---|---|---|---|", flush=True)
    for task in a.only.split(","):
        cells = {}
        for precision in ("f32", "bf16"):
            found = [ends(a.data, task, precision, seed) for seed in a.seeds.split(",")]
            for at, form in enumerate((".4f", ".2f")):
                values = [one[at] for one in found]
                each = ", ".join(format(value, form) for value in values)
                cells[at, precision] = f"{statistics.mean(values):{form}} ({each})"
        print(f"| {TASKS[task][0]} | {cells[0, 'f32']} | {cells[0, 'bf16']} | {cells[1, 'f32']} % | {cells[1, 'bf16']} % |", flush=True)


if __name__ == "__main__":
    main()
