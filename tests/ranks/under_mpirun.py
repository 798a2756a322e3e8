"""Trainings of several processes under each MPI that is installed: the weights of one process, on any
grid of ranks and threads; ranks that are killed, stopped, wrong or have other data end them all. And
their all-reduce beside that of MPI.

    python3 tests/ranks/under_mpirun.py target/release/unisono
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAM = os.path.abspath(sys.argv[1])

# What root needs, and more ranks than cores.
ENVIRONMENT = os.environ | {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_ALLOW_RUN_AS_ROOT": "1",
    "PRTE_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
}
LAUNCHERS = {
    "Open MPI": ["mpirun.openmpi", "--oversubscribe"],
    "MPICH": ["mpirun.mpich"],
}

# Ranks and threads of each.
GRIDS = [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (4, 2)]
MODELS = {
    "digits": ["--epochs", "2"],
    "mlp": ["--preset", "mlp", "--max-steps", "4"],
    "lenet with batch norm and dropout": [
        "--preset", "lenet", "--max-steps", "4",
    ],
    "digits with batch norm and dropout": [
        "--layers", "dense 40, batch-norm, relu, dropout 0.2, dense 30, batch-norm, relu",
        "--shards", "8", "--epochs", "2",
    ],
    "lstm": ["--preset", "lstm", "--max-steps", "4"],
}  # fmt: skip

# Seconds after which those that wait for a lost rank wait for ever (on idle cores all have ended after
# 11), and after which a test does.
MOST_LOST = 60
MOST = 240


def run(launcher, ranks, *arguments, environment=ENVIRONMENT):
    """The finished training of so many ranks."""
    command = [*launcher, "-n", str(ranks), PROGRAM, "train", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=MOST, env=environment
    )


def hash_of(finished):
    """The one hash that a training prints."""
    assert finished.returncode == 0, finished.stdout + finished.stderr
    lines = finished.stdout.splitlines()
    hashes = [line for line in lines if line.startswith("weights sha256: ")]
    assert len(hashes) == 1, f"one rank speaks:\n{finished.stdout}"
    return hashes[0]


def alone(*arguments):
    command = [PROGRAM, "train", *arguments]
    return hash_of(
        subprocess.run(command, capture_output=True, text=True, timeout=MOST)
    )


def check_grids(launcher):
    for name, arguments in MODELS.items():
        expected = alone(*arguments)
        for ranks, threads in GRIDS:
            finished = run(launcher, ranks, *arguments, "--threads", str(threads))
            assert hash_of(finished) == expected, f"{name}: {ranks} x {threads}"
            table = finished.stdout.count("\nrank ")
            assert table == (ranks if ranks > 1 else 0), finished.stdout


def processes():
    """The processes of the program, by rank."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            if not entry.name.isdigit() or os.readlink(entry / "exe") != PROGRAM:
                continue
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        for variable in environment:
            name, _, value = variable.partition(b"=")
            if name in (b"OMPI_COMM_WORLD_RANK", b"PMI_RANK"):
                found[int(value)] = int(entry.name)
    return found


def begin(launcher, ranks, folder):
    """A long training in `folder`, once it has made a checkpoint."""
    command = [*launcher, "-n", str(ranks), PROGRAM, "train", "--threads", "1"]
    command += ["--epochs", "4000", "--checkpoint-every-steps", "500", "--out", str(folder)]
    command += ["--checkpoint-every-epochs", "0"]
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    )
    began = time.monotonic()
    while not list((folder / "checkpoints").glob("step-*.json")):
        assert running.poll() is None, running.communicate()
        assert time.monotonic() - began < MOST, "no checkpoint was made"
        time.sleep(0.05)
    return running


def check_resume(launcher, folder, ranks):
    """What is left of a run goes on with other ranks, with the weights of an unbroken one."""
    steps = max(int(path.stem[5:]) for path in (folder / "checkpoints").glob("step-*.json"))
    # To the end of the epoch after the next one; an epoch has 45 steps.
    epochs = str(steps // 45 + 2)
    expected = alone("--epochs", epochs)
    finished = run(launcher, ranks, "--resume", str(folder), "--epochs", epochs)
    assert hash_of(finished) == expected, f"resumed with {ranks} ranks"


def check_lost(launcher, folder, how, names_it):
    running = begin(launcher, 3, folder)
    began = time.monotonic()
    os.kill(processes()[1], how)
    out, err = running.communicate(timeout=MOST)
    assert time.monotonic() - began < MOST_LOST, "others wait for a rank that is lost"
    assert running.returncode != 0
    if names_it:
        assert "rank 1 on " in err, err
    while processes():
        assert time.monotonic() - began < MOST_LOST, "a process is left"
        time.sleep(0.1)
    check_resume(launcher, folder, 2)


def check_stop(launcher, folder):
    """A signal to one rank stops all after the same step, with a checkpoint."""
    running = begin(launcher, 2, folder)
    os.kill(processes()[1], signal.SIGUSR1)
    out, err = running.communicate(timeout=MOST)
    assert running.returncode != 0 and "stopped after step" in err, out + err
    check_resume(launcher, folder, 1)


def check_network(launcher):
    """The all-reduce beside MPI's: a line of one rank, every size of it, and no other bits where there is
    one order of additions."""
    for ranks in [2, 3]:
        command = [*launcher, "-n", str(ranks), PROGRAM, "bench", "--network", "--json", "--steps", "2"]
        finished = subprocess.run(
            command, capture_output=True, text=True, timeout=MOST, env=ENVIRONMENT
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        lines = finished.stdout.splitlines()
        assert len(lines) == 1, f"one rank speaks:\n{finished.stdout}"
        told = json.loads(lines[0])
        assert len(told["ranks"]) == ranks and "MPI" in told["mpi"], told
        for size in told["sizes"]:
            assert size["rounds"] == 2 and size["median_ms"] > 0 and size["mpi_median_ms"] > 0, size
            assert ranks > 2 or size["other_bits"] == 0, size
        # Unless it took too long.
        slowest = max(size["median_ms"] + size["mpi_median_ms"] for size in told["sizes"])
        assert slowest > 500 or told["sizes"][-1]["bytes"] == 64 << 20, told


def check_bad_input(launcher, folder):
    """One rank that cannot do its part ends all, and says why."""
    script = folder / "other.sh"
    rank = "${OMPI_COMM_WORLD_RANK:-$PMI_RANK}"
    table = "\n".join(f"{at % 7},{at % 5},{at % 3}" for at in range(60))
    (folder / "0.csv").write_text(table + "\n")
    (folder / "1.csv").write_text(table.replace("6,", "5,") + "\n")
    script.write_text(f'#!/bin/sh\nexec {PROGRAM} train --data {folder}/{rank}.csv --epochs 1\n')
    script.chmod(0o755)
    command = [*launcher, "-n", "2", str(script)]
    for expected in ["fingerprint", "No such file"]:
        finished = subprocess.run(
            command, capture_output=True, text=True, timeout=MOST, env=ENVIRONMENT
        )
        assert finished.returncode != 0
        assert expected in finished.stderr and "rank " in finished.stderr, finished.stderr
        (folder / "1.csv").unlink(missing_ok=True)
    finished = run(launcher, 3, "--shards", "2")
    assert "2 shards are too few for 3 ranks" in finished.stderr, finished.stderr
    # What is not work of ranks, and an MPI that is not there.
    for command in [["scaling", "--never-slower"], ["lr-range"]]:
        arguments = [*launcher, "-n", "2", PROGRAM, *command]
        finished = subprocess.run(
            arguments, capture_output=True, text=True, timeout=MOST, env=ENVIRONMENT
        )
        assert finished.returncode != 0 and "were started together" in finished.stderr
    missing = ENVIRONMENT | {"UNISONO_MPI": "/nowhere/libmpi.so"}
    finished = run(launcher, 2, environment=missing)
    assert "/nowhere/libmpi.so" in finished.stderr and finished.returncode != 0


def check_scaling(launcher, folder):
    """Each number of ranks with each number of threads, with the same weights."""
    command = [*launcher, "-n", "2", PROGRAM, "scaling", "--preset", "mlp_small"]
    command += ["--threads", "1,2", "--budget", "5s", "--half-width", "0.9", "--out", str(folder)]
    finished = subprocess.run(
        command, capture_output=True, text=True, timeout=MOST, env=ENVIRONMENT
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert finished.stdout.count("\nrounds: ") == 1, f"one rank speaks:\n{finished.stdout}"
    results = json.loads((folder / "results.json").read_text())
    cells = results["cells"]
    strong = [(cell["ranks"], cell["threads"]) for cell in cells if cell["kind"] == "strong"]
    assert strong == [(1, 1), (1, 2), (2, 1), (2, 2)], strong
    assert len(results["ranks"]) == 2, results["ranks"]
    # Per-worker shards alone depend on who computes them.
    weights = {}
    for cell, sha256 in zip(cells, results["weights_sha256"], strict=True):
        if cell["shards"] is not None:
            weights.setdefault((cell["batch_size"], cell["shards"]), set()).add(sha256)
    assert all(len(same) == 1 for same in weights.values()), weights
    samples = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    for sample in samples:
        cell = cells[sample["cell"]]
        assert len(sample["phases_ms"]) == cell["ranks"] * cell["threads"], sample
    for name in ["report.html", "speedup.svg", "efficiency.svg", "split.svg"]:
        assert (folder / name).exists(), name


def check_first_alone(launcher, folder):
    """What is no work of ranks is done once, by the first; or refused on all, and told once."""

    def of_three(*arguments):
        command = [*launcher, "-n", "3", PROGRAM, *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=MOST, env=ENVIRONMENT
        )

    saved = str(folder / "run")
    assert run(launcher, 2, "--epochs", "1", "--out", saved).returncode == 0
    finished = of_three("eval", saved)
    expected = subprocess.run([PROGRAM, "eval", saved], capture_output=True, text=True).stdout
    assert finished.returncode == 0 and finished.stdout == expected, finished
    # Of three that wrote it two would find a file there.
    finished = of_three("export", saved, "--out", str(folder / "weights"))
    assert finished.returncode == 0, finished.stderr
    # Again and again: a rank that ends before the first has spoken may not end that one.
    for _ in range(5):
        for arguments in [["lr-range"], ["eval", str(folder / "nowhere")], ["train", "--nothing"]]:
            finished = of_three(*arguments)
            assert finished.returncode != 0, finished
            assert finished.stderr.count("unisono: ") == 1, finished.stderr


def main():
    # A process alone loads no MPI, whatever is installed.
    linked = subprocess.run(["ldd", PROGRAM], capture_output=True, text=True).stdout
    assert "mpi" not in linked, linked
    for name, launcher in LAUNCHERS.items():
        if shutil.which(launcher[0]) is None:
            print(f"{name}: skipped, {launcher[0]} is not installed")
            continue
        began = time.monotonic()
        check_grids(launcher)
        check_network(launcher)
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            # Open MPI's and MPICH's own launchers see a killed process first.
            check_lost(launcher, folder / "killed", signal.SIGKILL, False)
            check_lost(launcher, folder / "stopped", signal.SIGSTOP, True)
            check_stop(launcher, folder / "asked")
            check_bad_input(launcher, folder)
            check_scaling(launcher, folder / "scaling")


            check_first_alone(launcher, folder)
        print(f"{name}: passed in {time.monotonic() - began:.0f} s")


main()
