#!/usr/bin/env python3
"""Compares `unisono bench` with other frameworks, interleaved in one run: medians over rounds, and their ratios.

    cargo build --release
    python3 benches/compare.py --torch PYTHON [--jax PYTHON] [--rust PROGRAM] [--rounds 5] [--threads 2] [--shards 16]
                               [--only mlp:1024,gpt:64] [--modes eager,ddp,eager-bf16] [--precision bf16] [--busy CORE]
                               [--record FILE]
    python3 benches/compare.py --torch PYTHON --ranks 2 --modes ddp --only mlp:1024,lenet:64,gpt:12 [--mpirun mpirun.mpich]
    python3 benches/compare.py --table FILE
    python3 benches/compare.py --table NAME=FILE NAME=FILE ... [--chart FILE.svg]

--torch and --jax are Python interpreters with these frameworks, which run `benches/peers/torch/bench.py` and
`benches/peers/jax/bench.py`; --rust is `benches/peers/rust`, built. Each prints one JSON line. A mode of PyTorch with `-bf16`
behind it computes under autocast to bfloat16. With --precision bf16 so does unisono, and its f32 is one more contender. Each round runs every program once, in turn, so that slow phases of a shared machine hit all of them; how many times faster is the median over the
rounds of the ratio within a round, of the mode where that is least. torch.compile compiles for a minute: it runs in the first
--compile-rounds rounds only, and if these are not all, its ratio is that of the medians. --record appends every JSON line, with
its round, contender and command. With --ranks unisono runs as so many processes under mpirun, which share --threads out, as the
processes of DDP do: two ranks of one thread beside DDP's two over gloo. --table prints the table of such a record, or of several, side by side, how many times as fast as
the others unisono is, and --chart (with matplotlib) draws it. --busy keeps a core busy meanwhile with an endless loop, as another
program would, and also runs unisono with the shards shared out evenly. benches/peers/run.sh installs and runs it all.
"""
import argparse
import contextlib
import json
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = ROOT / "benches/peers"
WORKLOADS = ["mlp_small:32", "mlp_small:256", "mlp:128", "mlp:1024", "mlp:4096", "lenet:64", "lenet:256", "resnet20:128", "lstm:64",
             "gpt:12", "gpt:64"]
TORCH = {"eager": [], "compile": ["--mode", "compile"], "ddp": ["--mode", "ddp"]}
TORCH_BF16 = {f"{mode}-bf16": [*flags, "--bf16"] for mode, flags in TORCH.items()}
OWN = {"even": ["--no-balance"], "own f32": ["--precision", "f32"]}
RUST_WORKLOADS = {"mlp_small", "mlp", "lenet", "lstm"}


def peers(a, name, batch):
    """Of every mode that runs the workload: its commands."""
    sized = ["--workload", name, "--batch", batch]
    timed = ["--steps", "5", "--min-seconds", str(a.seconds)]
    found = {}
    for mode in a.modes:
        kind = mode.removesuffix("-bf16")
        layouts = [[], ["--channels-last"]] if name == "resnet20" and kind != "compile" else [[]]
        torch = [a.torch, str(PEERS / "torch/bench.py"), *sized, "--threads", str(a.threads), *timed, *(TORCH | TORCH_BF16)[mode]]
        found[mode] = [torch + layout for layout in layouts if kind != "ddp" or a.threads > 1]
    if a.jax:
        cores = ",".join(str(core) for core in range(a.threads))
        jax = ["taskset", "-c", cores, a.jax, str(PEERS / "jax/bench.py"), *sized, *timed]
        found["jax"] = [jax + mode for mode in ([[], ["--mode", "scan"]] if name == "mlp_small" else [[]])]
    if a.rust and name in RUST_WORKLOADS:
        for framework in ("candle", "burn"):
            found[framework] = [[a.rust, "--framework", framework, *sized, "--threads", str(a.threads), "--seconds", str(a.seconds)]]
    return found


class Runs:
    """Runs commands and keeps their lines."""

    def __init__(self, record):
        self.record = record
        self.lines = []

    def line(self, command, workload, mode, turn):
        done = subprocess.run(command, capture_output=True, text=True)
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if not lines:
            print(f"no result from {' '.join(map(str, command))}: {done.stderr.strip()[-300:]}", flush=True)
            return None
        # Interpreters and programs by name: where they lie says nothing.
        words = [pathlib.Path(word).name if "/" in word else word for word in command]
        place = {"round": turn, "contender": mode, "workload": workload, "command": " ".join(words)}
        self.lines.append({**json.loads(lines[-1]), **place})
        if self.record:
            with self.record.open("a") as file:
                file.write(json.dumps(self.lines[-1]) + "\n")
        return self.lines[-1]


def compare(a, runs, workload):
    name, batch = workload.split(":")
    shards = ["--shards", a.shards] if a.shards else []
    steps, even_steps = 200 if name == "mlp_small" else 10, None
    for turn in range(a.rounds):
        launcher = [a.mpirun, "-n", str(a.ranks)] if a.ranks > 1 else []
        bench = [*launcher, str(ROOT / "target/release/unisono"), "bench", "--preset", name, "--batch-size", batch,
                 "--threads", str(a.threads // a.ranks), "--json", *shards, "--steps"]
        precision = ["--precision", a.precision] if a.precision != "f32" else []
        own = runs.line([*bench, str(steps), *precision], workload, "unisono", turn)
        if own is None:
            raise SystemExit(f"{workload}: unisono gave no result, so there is nothing to compare with")
        steps = max(5, int(a.seconds * 1e3 / own["median_ms_per_step"]))
        if precision:
            runs.line([*bench, str(steps), *OWN["own f32"]], workload, "own f32", turn)
        if a.busy is not None:
            # One command in all rounds: it tells variants apart.
            even_steps = even_steps or steps
            runs.line([*bench, str(even_steps), *OWN["even"]], workload, "even", turn)
        for mode, commands in peers(a, name, batch).items():
            if not mode.startswith("compile") or turn < a.compile_rounds:
                for command in commands:
                    runs.line(command, workload, mode, turn)


def read(record, threads):
    """The lines of a record on so many threads, by workload. Older ones name the contender by framework and mode."""
    found = {}
    for line in map(json.loads, record.read_text().splitlines()):
        # DDP's are processes x threads, ours those of each rank.
        if math.prod(map(int, str(line["threads"]).split("x"))) * line.get("ranks", 1) != threads:
            continue
        line.setdefault("contender", line["mode"] if line["framework"] == "torch" else line["framework"])
        name = line.get("preset") or line["workload"].split(":")[0]
        found.setdefault(f"{name}:{line['batch']}", []).append(line)
    if not found:
        raise SystemExit(f"{record}: no line of {threads} threads; --threads says of how many")
    return {name: found[name] for name in sorted(found, key=place)}


def place(workload):
    """In the order of WORKLOADS, others behind them."""
    return (WORKLOADS.index(workload) if workload in WORKLOADS else len(WORKLOADS)), workload


def by_round(lines, workload):
    """Our lines by round, and the times of every mode, of its fastest variant, by round."""
    own, times = {}, {}
    for line in lines:
        if line["contender"] != "unisono":
            # Variants of a mode differ in their arguments; our own have one.
            kind = line["contender"] if line["contender"] in OWN else line["command"]
            variant = times.setdefault(line["contender"], {}).setdefault(kind, {})
            variant[line["round"]] = line["median_ms_per_step"]
        elif line["round"] in own:
            raise SystemExit(f"{workload}: a record for --table has one run of unisono a round; round {line['round']} has two")
        else:
            own[line["round"]] = line
    if not own:
        raise SystemExit(f"{workload}: no run of unisono to compare with")
    return own, {mode: min(variants.values(), key=lambda variant: statistics.median(ratios(own, variant)))
                 for mode, variants in times.items()}


def ratios(own, variant):
    """Of each round, how many times our time it took, from the least to the most; of the medians if it ran in some rounds only."""
    ours = {turn: line["median_ms_per_step"] for turn, line in own.items()}
    if set(variant) != set(ours):
        return [statistics.median(variant.values()) / statistics.median(ours.values())]
    return sorted(time / ours[turn] for turn, time in variant.items())


def faster(own, best):
    """How many times as fast we are as the fastest mode of torch in f32, as its fastest in bf16, and as the fastest other:
    each round's ratios."""
    found = []
    others = [mode for mode in best if mode not in TORCH | TORCH_BF16 | OWN]
    for some in (TORCH, TORCH_BF16, others):
        found.append(min((ratios(own, best[mode]) for mode in some if mode in best), key=statistics.median, default=None))
    return found


def markdown(cells):
    return "| " + " | ".join(cells) + " |"


def spread(values, form):
    """The median, and from the least to the most where there are several."""
    text = format(statistics.median(values), form)
    return f"{text} ({min(values):{form}} to {max(values):{form}})" if len(values) > 1 else text


def row(lines, workload, modes):
    """A workload's row: medians of the times, and of the ratios to our time in the same round."""
    own, best = by_round(lines, workload)
    ms = [line["median_ms_per_step"] for line in own.values()]
    times = [f"{statistics.median(best[mode].values()):.4g}" if mode in best else "" for mode in modes]
    than_f32, than_bf16, than_others = (spread(found, ".2f") if found else "" for found in faster(own, best))
    if "own f32" in modes:
        times.append(spread(ratios(own, best["own f32"]), ".2f") if "own f32" in best else "")
    times += [than_f32] + ([than_bf16] if any(mode in TORCH_BF16 for mode in modes) else []) + [than_others]
    gflops, share = (statistics.median(line[key] for line in own.values()) for key in ("gflops", "peak_share"))
    return markdown([workload.replace(":", " "), spread(ms, ".4g"), *times, f"{gflops:.0f}, {100 * share:.0f} %"])


def heads(cells):
    return markdown(["workload, batch", *cells]) + "\n" + "|---" * (len(cells) + 1) + "|"


def row_heads(modes):
    own = ["times faster than our f32"] if "own f32" in modes else []
    bf16 = ["than the best torch in bf16"] if any(mode in TORCH_BF16 for mode in modes) else []
    return heads(["unisono, ms (least to most)", *modes, *own, "times faster than the best torch (least to most)", *bf16,
                  "than the best other", "GFLOP/s, share of the measured peak"])


def table(workloads):
    """Prints the table of a record's workloads."""
    found = {line["contender"] for lines in workloads.values() for line in lines}
    modes = [mode for mode in [*OWN, *TORCH, *TORCH_BF16, "jax", "candle", "burn"] if mode in found]
    print(row_heads(modes))
    for workload, lines in workloads.items():
        print(row(lines, workload, modes))


def side_by_side(records):
    """Of every workload and record, how many times as fast as the best mode of torch and as the best other we are, if it was run."""
    found = {}
    for workload in sorted({workload for lines in records.values() for workload in lines}, key=place):
        all_three = [faster(*by_round(lines[workload], workload)) if workload in lines else [None] * 3 for lines in records.values()]
        both = [(torch, other) for torch, _, other in all_three]
        found[workload] = [tuple(some and statistics.median(some) for some in pair) for pair in both]
    return found


def torch_table(records):
    """Prints how many times as fast as the best mode of torch we are; where our products are in bf16, as the best in bf16."""
    print(heads([name for name in records]))
    for workload in sorted({workload for lines in records.values() for workload in lines}, key=place):
        cells = []
        for lines in records.values():
            f32, bf16, _ = faster(*by_round(lines[workload], workload)) if workload in lines else [None] * 3
            cells.append(f"{statistics.median(bf16 or f32):.2f}" if bf16 or f32 else "")
        print(markdown([workload.replace(":", " "), *cells]))


def ratio_table(found, names):
    """Prints the ratios of several records by name."""
    print(heads([f"{name}: than {others}" for name in names for others in ("the best torch", "the best other")]))
    for workload, pairs in found.items():
        print(markdown([workload.replace(":", " "), *(f"{ratio:.2f}" if ratio else "" for pair in pairs for ratio in pair)]))


def chart(found, names, path):
    """Draws the ratios to the best mode of torch: a group of bars a workload, a bar a record."""
    try:
        import matplotlib
        from matplotlib import pyplot
    except ImportError:
        raise SystemExit("--chart draws with matplotlib: pip install matplotlib") from None
    # Text as text, and the same file from the same records.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "unisono"})
    figure, axes = pyplot.subplots(figsize=(9, 3.6), layout="constrained")
    width = 0.8 / len(names)
    for i, name in enumerate(names):
        places = [j + (i - (len(names) - 1) / 2) * width for j in range(len(found))]
        # Bars of a logarithmic axis grow from 1: what points down is slower.
        heights = [pairs[i][0] - 1 if pairs[i][0] else 0 for pairs in found.values()]
        axes.bar(places, heights, width, bottom=1, label=name)
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%g x"))
    axes.set_xticks(range(len(found)), [workload.translate({ord(sign): "\n" for sign in ":_"}) for workload in found])
    axes.set_ylabel("speed, best mode of PyTorch = 1")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def named(argument):
    """NAME=FILE, or FILE, whose name is its own."""
    name, _, path = argument.rpartition("=")
    path = pathlib.Path(path)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"a record that compare.py --record wrote is needed, and {path} is no file")
    return name or path.stem, path


def workloads(argument):
    """NAME:BATCH,..."""
    known = sorted({workload.split(":")[0] for workload in WORKLOADS})
    for workload in argument.split(","):
        name, _, batch = workload.partition(":")
        if name not in known or not batch.isdecimal():
            raise argparse.ArgumentTypeError(f"workloads are NAME:BATCH,..., with a name of {', '.join(known)}; got {workload!r}")
    return argument.split(",")


def modes(argument):
    """MODE,..."""
    for mode in argument.split(","):
        if mode not in TORCH | TORCH_BF16:
            raise argparse.ArgumentTypeError(f"PyTorch's modes are {', '.join(TORCH | TORCH_BF16)}; got {mode!r}")
    return argument.split(",")


def tables(a):
    """What --table and --chart ask for."""
    records = {name: read(path, a.threads) for name, path in a.table}
    if len(records) < len(a.table):
        raise SystemExit("--table: every file needs a name of its own; NAME=FILE gives it one")
    if a.beside_torch:
        return torch_table(records)
    if len(records) == 1 and not a.chart:
        return table(*records.values())
    found = side_by_side(records)
    ratio_table(found, list(records))
    if a.chart:
        chart(found, list(records), a.chart)


@contextlib.contextmanager
def busy(core):
    """Keeps a core busy, if one is named."""
    loop = ["taskset", "-c", str(core), sys.executable, "-c", "while True: pass"]
    neighbour = subprocess.Popen(loop) if core is not None else None
    try:
        yield
    finally:
        if neighbour:
            neighbour.kill()


def columns(a):
    own = (["even"] if a.busy is not None else []) + (["own f32"] if a.precision != "f32" else [])
    return own + a.modes + (["jax"] if a.jax else []) + (["candle", "burn"] if a.rust else [])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--table", type=named, nargs="+", metavar="[NAME=]FILE")
    parser.add_argument("--beside-torch", action="store_true", help="of --table, the ratio to PyTorch of the same precision alone")
    parser.add_argument("--chart", type=pathlib.Path, metavar="FILE.svg", help="a picture of the records of --table")
    parser.add_argument("--torch")
    parser.add_argument("--jax")
    parser.add_argument("--rust")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--compile-rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--ranks", type=int, default=1, help="processes of unisono, under mpirun")
    parser.add_argument("--mpirun", default="mpirun", metavar="PROGRAM", help="what starts them (default: mpirun)")
    parser.add_argument("--shards", help="of unisono's batches, if not the default of each workload")
    parser.add_argument("--seconds", type=float, default=2.0, help="seconds of timed steps, about, of each run")
    parser.add_argument("--modes", type=modes, default=list(TORCH), metavar="MODE,...",
                        help=f"of PyTorch: {', '.join(TORCH | TORCH_BF16)}")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32", help="of unisono's products")
    parser.add_argument("--only", type=workloads, default=WORKLOADS, metavar="NAME:BATCH,...")
    parser.add_argument("--busy", type=int, metavar="CORE", help="keep this core busy with another program")
    parser.add_argument("--record", type=pathlib.Path)
    a = parser.parse_args()
    if a.beside_torch and (a.chart or not a.table):
        parser.error("--beside-torch is a form of --table, without --chart")
    if a.table:
        return tables(a)
    if a.chart:
        parser.error("--chart draws the records of --table: name them")
    if not a.torch:
        parser.error("--torch is needed, or --table")
    cores = sorted(os.sched_getaffinity(0))
    if a.busy is not None and a.busy not in cores:
        parser.error(f"--busy needs a core that this process may use, one of {cores}, got {a.busy}")
    if a.ranks < 1 or a.threads % a.ranks:
        parser.error(f"--ranks must divide --threads, which is {a.threads}, got {a.ranks}")
    if a.ranks > 1 and not shutil.which(a.mpirun):
        parser.error(f"--ranks needs {a.mpirun}: install Open MPI or MPICH, or name it by --mpirun")
    print(row_heads(columns(a)), flush=True)
    with busy(a.busy):
        for workload in a.only:
            runs = Runs(a.record)
            compare(a, runs, workload)
            print(row(runs.lines, workload, columns(a)), flush=True)


if __name__ == "__main__":
    main()
