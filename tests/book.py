"""Runs the commands of README and guide, and compares what they print with the output that stands beside them.

Each `sh` block is one script. A `text` block that follows it, before any other block, is its output: every line of it
must be printed, in this order; `...` stands for lines left out. Where a line tells of time, its digits may differ.

Usage: tests/book.py PAGE...
"""
import pathlib
import re
import subprocess
import sys

TIMED = re.compile(r"samples/s|wall time")


def blocks(page):
    """The fenced blocks of a page: what each is, and its lines."""
    kind, lines = None, []
    for line in page.read_text().splitlines():
        if line.startswith("```") and kind is None:
            kind, lines = line[3:], []
        elif line.startswith("```"):
            yield kind, lines
            kind = None
        elif kind is not None:
            lines.append(line)


def form(line):
    """A line as it is compared: without the digits of times."""
    return re.sub(r"[\d.]+ *", "0 ", line) if TIMED.search(line) else line.rstrip()


def run(page, script):
    """What a script prints."""
    print(f"\n== {page}\n{script}", flush=True)
    printed = []
    with subprocess.Popen(["bash", "-euo", "pipefail", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True) as shell:
        for line in shell.stdout:
            print(line, end="", flush=True)
            printed.append(form(line.rstrip("\n")))
    if shell.returncode:
        raise SystemExit(f"{page}: exit code {shell.returncode}")
    return printed


def compare(page, printed, expected):
    """Whether the expected lines were printed, in their order."""
    rest = iter(printed)
    for line in expected:
        if line.strip() != "..." and form(line) not in rest:
            raise SystemExit(f"{page}: the command does not print, or not here: {line}")


def main():
    for name in sys.argv[1:]:
        printed = None
        for kind, lines in blocks(pathlib.Path(name)):
            if kind == "sh":
                printed = run(name, "\n".join(lines))
            else:
                if kind == "text" and printed is not None:
                    compare(name, printed, lines)
                printed = None


if __name__ == "__main__":
    main()
