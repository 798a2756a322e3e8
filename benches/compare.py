#!/usr/bin/env python3
"""Compares `unisono bench` with other frameworks, interleaved in one run: medians over rounds, and their ratios.

    cargo build --release
    python3 benches/compare.py --peers DIR --torch PYTHON [--jax PYTHON] [--rust PROGRAM] [--rounds 5] [--threads 2] [--shards 16]
                               [--only mlp:1024,gpt:64] [--modes eager,ddp] [--record FILE]

--peers is a folder with `bench_torch.py` and `bench_jax.py`, each of which prints one JSON line (their --help tells the
workloads); --torch and --jax are interpreters that have them; --rust is `benches/rust_peers`, built. Each round runs every
program once, in turn, so that slow phases of a shared machine hit all of them. torch.compile compiles for a minute: it runs
in the first --compile-rounds rounds only. --record appends every JSON line, with its round and command. benches/peers.sh
installs and runs it all.
"""
import argparse
import json
import pathlib
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORKLOADS = ["mlp_small:32", "mlp_small:256", "mlp:128", "mlp:1024", "mlp:4096", "lenet:64", "lenet:256", "resnet20:128", "lstm:64",
             "gpt:12", "gpt:64"]
TORCH = {"eager": [], "compile": ["--mode", "compile"], "ddp": ["--mode", "ddp"]}
RUST_WORKLOADS = {"mlp_small", "mlp", "lenet", "lstm"}


def peers(a, name, batch):
    """Of every mode that runs the workload: its commands."""
    sized = ["--workload", name, "--batch", batch]
    timed = ["--steps", "5", "--min-seconds", str(a.seconds)]
    found = {}
    for mode in a.modes.split(","):
        layouts = [[], ["--channels-last"]] if name == "resnet20" and mode != "compile" else [[]]
        torch = [a.torch, str(a.peers / "bench_torch.py"), *sized, "--threads", str(a.threads), *timed, *TORCH[mode]]
        found[mode] = [torch + layout for layout in layouts if mode != "ddp" or a.threads > 1]
    if a.jax:
        cores = ",".join(str(core) for core in range(a.threads))
        jax = ["taskset", "-c", cores, a.jax, str(a.peers / "bench_jax.py"), *sized, *timed]
        found["jax"] = [jax + mode for mode in ([[], ["--mode", "scan"]] if name == "mlp_small" else [[]])]
    if a.rust and name in RUST_WORKLOADS:
        for framework in ("candle", "burn"):
            found[framework] = [[a.rust, "--framework", framework, *sized, "--threads", str(a.threads), "--seconds", str(a.seconds)]]
    return found


class Runs:
    """Runs commands and keeps their lines."""

    def __init__(self, record):
        self.record = record

    def line(self, command, turn):
        done = subprocess.run(command, capture_output=True, text=True)
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if not lines:
            print(f"no result from {' '.join(map(str, command))}: {done.stderr.strip()[-300:]}", flush=True)
            return None
        result = json.loads(lines[-1])
        if self.record:
            # Interpreters and programs by name: where they lie says nothing.
            words = [pathlib.Path(word).name if "/" in word else word for word in command]
            with self.record.open("a") as file:
                file.write(json.dumps({"round": turn, "command": " ".join(words), **result}) + "\n")
        return result


def compare(a, runs, workload):
    name, batch = workload.split(":")
    own, times = [], {}
    shards = ["--shards", a.shards] if a.shards else []
    steps = 200 if name == "mlp_small" else 10
    for turn in range(a.rounds):
        first = runs.line([str(ROOT / "target/release/unisono"), "bench", "--preset", name, "--batch-size", batch,
                           "--threads", str(a.threads), "--steps", str(steps), "--json", *shards], turn)
        steps = max(5, int(a.seconds * 1e3 / first["median_ms_per_step"]))
        own.append(first)
        for mode, commands in peers(a, name, batch).items():
            if mode == "compile" and turn >= a.compile_rounds:
                continue
            for variant, command in enumerate(commands):
                result = runs.line(command, turn)
                if result:
                    times.setdefault(mode, {}).setdefault(variant, []).append(result["median_ms_per_step"])
    best = {mode: min(statistics.median(one) for one in variants.values()) for mode, variants in times.items()}
    row(a, f"{name} {batch}", own, best)


def row(a, title, own, best):
    ms = [one["median_ms_per_step"] for one in own]
    mine = statistics.median(ms)
    torch = [time for mode, time in best.items() if mode in TORCH]
    others = [time for mode, time in best.items() if mode not in TORCH]
    times_faster = [f"{min(some) / mine:.2f}" if some else "" for some in (torch, others)]
    cells = [f"{best[mode]:.4g}" if mode in best else "" for mode in columns(a)]
    gflops, share = (statistics.median(one[key] for one in own) for key in ("gflops", "peak_share"))
    print("| " + " | ".join([title, f"{mine:.4g} ({min(ms):.4g} to {max(ms):.4g})", *cells, *times_faster,
                             f"{gflops:.0f}, {100 * share:.0f} %"]) + " |", flush=True)


def columns(a):
    return a.modes.split(",") + (["jax"] if a.jax else []) + (["candle", "burn"] if a.rust else [])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--peers", type=pathlib.Path, required=True)
    parser.add_argument("--torch", required=True)
    parser.add_argument("--jax")
    parser.add_argument("--rust")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--compile-rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shards", help="of unisono's batches, if not the default of each workload")
    parser.add_argument("--seconds", type=float, default=2.0, help="seconds of timed steps, about, of each run")
    parser.add_argument("--modes", default="eager,compile,ddp")
    parser.add_argument("--only", default=",".join(WORKLOADS))
    parser.add_argument("--record", type=pathlib.Path)
    a = parser.parse_args()
    heads = ["workload, batch", "unisono, ms (least to most)", *columns(a), "times faster than the best torch", "than the best other",
             "GFLOP/s, share of the measured peak"]
    print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|", flush=True)
    for workload in a.only.split(","):
        compare(a, Runs(a.record), workload)


if __name__ == "__main__":
    main()
