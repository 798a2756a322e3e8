"""Timing shared by the peers' programs: arguments, timed rounds, one JSON line as the result."""
import argparse
import json
import os
import pathlib
import statistics
import time

WORKLOADS = ("mlp_small", "mlp", "lenet", "resnet20", "lstm", "gpt")


def parser(description):
    """The arguments that all programs take."""
    found = argparse.ArgumentParser(description=description)
    found.add_argument("--workload", required=True, choices=WORKLOADS)
    found.add_argument("--batch", type=int, required=True, help="rows of a global batch")
    found.add_argument("--steps", type=int, default=20, help="least number of timings (default: 20)")
    found.add_argument("--warmup", type=int, default=8, help="steps before the first timing (default: 8)")
    found.add_argument("--min-seconds", type=float, default=4.0, help="least time spent on timings (default: 4)")
    found.add_argument("--max-seconds", type=float, default=20.0, help="most time spent on timings (default: 20)")
    found.add_argument("--batches", type=int, default=4, help="synthetic batches, taken in turn (default: 4)")
    return found


class Lost:
    """Time lost to other programs: to other guests of the host (steal), and waiting for a core."""

    def __init__(self):
        self.steal, self.waits = self._read()

    @staticmethod
    def _read():
        steal = int(pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[8])
        waits = {}
        for task in pathlib.Path("/proc/self/task").iterdir():
            try:
                waits[task.name] = int((task / "schedstat").read_text().split()[1])
            except (OSError, IndexError):
                pass  # The thread has ended, or the kernel keeps no such statistics.
        return steal, waits

    def shares(self, seconds):
        """Of `seconds`: the mean share stolen a core, and the share that the worst thread waited."""
        steal, waits = self._read()
        ticks = seconds * os.sysconf("SC_CLK_TCK") * os.cpu_count()
        waited = max((wait - self.waits.get(task, wait) for task, wait in waits.items()), default=0)
        return {"steal": round((steal - self.steal) / ticks, 3), "runq_wait": round(waited / 1e9 / seconds, 3)}


def timings(args, timed, agree=bool):
    """Milliseconds a step, from `timed()`, until there are enough; and what was lost meanwhile.

    `agree` lets several processes follow one decision to go on.
    """
    found, lost, started = [], Lost(), time.perf_counter()
    while True:
        found.append(timed())
        spent = time.perf_counter() - started
        wanted = len(found) < args.steps or spent < args.min_seconds
        if not agree(wanted and spent < args.max_seconds):
            return found, lost.shares(spent)


def report(args, found, **facts):
    """Prints the result: one line of JSON."""
    ordered = sorted(found)
    median = statistics.median(ordered)

    def quantile(share):
        return round(ordered[int(share * (len(ordered) - 1))], 4)

    print(json.dumps({
        "workload": args.workload, "batch": args.batch, "median_ms_per_step": round(median, 4),
        "p10": quantile(0.1), "p90": quantile(0.9), "samples_per_s": round(args.batch / median * 1e3, 1),
        "timings": len(found), **facts,
    }), flush=True)
