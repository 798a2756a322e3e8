#!/usr/bin/env python3
"""Compares `unisono bench` with PyTorch's modes, interleaved in one run: medians over rounds, and their ratio.

    cargo build --release
    python3 benches/compare.py --peers DIR --python DIR/bin/python [--rounds 5] [--threads 2] [--only mlp:1024,gpt:64]

--peers is a folder with `bench_torch.py`, which prints one JSON line (its --help tells the workloads); --python an
interpreter with PyTorch. Each round runs every mode once, in turn, so that slow phases of a shared machine hit all of them.
"""
import argparse
import json
import pathlib
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORKLOADS = ["mlp_small:32", "mlp_small:256", "mlp:128", "mlp:1024", "lenet:64", "resnet20:128", "lstm:64", "gpt:12", "gpt:64"]
MODES = {"eager": [], "compile": ["--mode", "compile"], "ddp": ["--mode", "ddp"]}


def last_json(command):
    done = subprocess.run(command, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return json.loads(lines[-1]) if lines else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--peers", type=pathlib.Path, required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2.0, help="seconds of timed steps, about, of each run")
    parser.add_argument("--modes", default="eager,compile,ddp")
    parser.add_argument("--only", default=",".join(WORKLOADS))
    a = parser.parse_args()
    torch = [a.python, str(a.peers / "bench_torch.py")]
    print(f"| workload, batch | unisono, ms | {' | '.join('torch ' + m for m in a.modes.split(','))} | ratio to the best | unisono GFLOP/s, share of its peak |")
    print("|---|---|" + "---|" * len(a.modes.split(",")) + "---|---|")
    for workload in a.only.split(","):
        name, batch = workload.split(":")
        modes = [m for m in a.modes.split(",") if not (m == "ddp" and a.threads < 2)]
        extra = [["--channels-last"]] if name == "resnet20" else []
        own, peers, gflops, share = [], {}, [], []
        steps = 200 if name == "mlp_small" else 10
        for _ in range(a.rounds):
            command = [str(ROOT / "target/release/unisono"), "bench", "--preset", name, "--batch-size", batch,
                       "--threads", str(a.threads), "--steps", str(steps), "--json"]
            first = last_json(command)
            steps = max(5, int(a.seconds * 1e3 / first["median_ms_per_step"]))
            own.append(first["median_ms_per_step"])
            gflops.append(first["gflops"])
            share.append(first["peak_share"])
            for mode in modes:
                for more in [[]] + (extra if mode != "compile" else []):
                    command = torch + ["--workload", name, "--batch", batch, "--threads", str(a.threads), "--steps", "5",
                                       "--min-seconds", str(a.seconds), *MODES[mode], *more]
                    result = last_json(command)
                    if result:
                        peers.setdefault(mode, {}).setdefault(" ".join(more), []).append(result["median_ms_per_step"])
        best = {mode: min(statistics.median(times) for times in variants.values()) for mode, variants in peers.items()}
        mine = statistics.median(own)
        spread = f"{min(own):.4g} to {max(own):.4g}"
        cells = " | ".join(f"{best[m]:.4g}" if m in best else "" for m in a.modes.split(","))
        print(f"| {name} {batch} | {mine:.4g} ({spread}) | {cells} | {min(best.values()) / mine:.2f} | "
              f"{statistics.median(gflops):.0f}, {100 * statistics.median(share):.0f} % |", flush=True)


if __name__ == "__main__":
    main()
