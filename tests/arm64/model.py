#!/usr/bin/env python3
"""Of an ARM64 build of the library: the inner loops of its kernels, and what LLVM's models of processors make of them.

    tests/arm64/model.py LIBRARY.rlib LLVM_MCA

A loop counts if it has vector arithmetic, or single values' multiply-adds. It is modelled as if it ran for ever, all in
the L1 and every branch foreseen. 100 % is the rate of multiply-adds that do not depend on each other, by the same model;
the second number what the loop would reach if nothing waited for anything but the units that its instructions need.
"""

import re
import subprocess
import sys

# LLVM's model of the Neoverse V2 hands on six micro-operations a cycle; of the core itself eight are published: so both.
CPUS = ["neoverse-v1", "neoverse-v2", "neoverse-v2 -dispatch=8", "apple-m1"]
FMA = {"fmla", "fmls"}
ARITHMETIC = FMA | {"fadd", "fsub", "fmul", "fdiv", "fmax", "fmin", "fmaxnm", "fminnm", "fabd", "fneg", "fabs"}
SCALAR_FMA = {"fmadd", "fmsub", "fnmadd", "fnmsub"}
# As many as a tile of 6 x 16 has, of 32 registers.
INDEPENDENT = [f"fmla v{i}.4s, v{24 + i % 4}.4s, v{28 + i % 3}.s[{i % 4}]" for i in range(24)]


# Kernels for processors of other kinds, plain twins, and what is compiled but not chosen for NEON.
ELSEWHERE = re.compile(r"naive|simd::Portable<|fold_rows::RowFold|once_more|neon::Neon<false>.*TransformedSquares")


def functions(library):
    """The kernels' functions: their names and their instructions, each an address, a mnemonic and its operands."""
    text = subprocess.run(
        ["aarch64-linux-gnu-objdump", "--disassemble", "--demangle", "--no-show-raw-insn", library],
        check=True, capture_output=True, text=True).stdout
    for block in re.split(r"\n\n(?=[0-9a-f]+ <)", text):
        head, _, body = block.partition("\n")
        name = re.fullmatch(r"[0-9a-f]+ <(.*)>:", head)
        if name is None or "nn::kernel" not in name[1] or ELSEWHERE.search(name[1]):
            continue
        lines = re.findall(r"^ *([0-9a-f]+):\t(\S+)(?:\t([^\n]*))?$", body, re.MULTILINE)
        yield name[1], [(int(at, 16), what, re.sub(r"\s*//.*", "", rest)) for at, what, rest in lines]


def target(what, operands):
    """The address that an instruction may go to within its function."""
    if not re.fullmatch(r"b|b\..*|cbn?z|tbn?z", what):
        return None
    found = re.search(r"(?:^|, )([0-9a-f]+) <", operands)
    return int(found[1], 16) if found else None


def loops(code):
    """The loops that have none inside."""
    ends = [(target(what, operands), at) for at, what, operands in code]
    ends = [(first, last) for first, last in ends if first is not None and first <= last]
    for first, last in ends:
        if not any((first, last) != other and first <= other[0] and other[1] <= last for other in ends):
            yield [line for line in code if first <= line[0] <= last]


class Loop:
    def __init__(self, body):
        self.first, self.body = body[0][0], body
        vector = [(what, rest) for _, what, rest in body if ".4s" in rest]
        fma = [rest for what, rest in vector if what in FMA]
        self.fma, self.by_lane = len(fma), sum("s[" in rest for rest in fma)
        self.arithmetic = sum(what in ARITHMETIC for what, _ in vector)
        self.scalar = sum(what in SCALAR_FMA for _, what, _ in body)
        moved = [(what, rest) for _, what, rest in body if re.fullmatch(r"(ld|st)(r|p|ur|1|1r|2|4)", what)]
        # A pair is two.
        count = lambda kind, place="": sum(1 + (what[2] == "p") for what, rest in moved
                                           if what.startswith(kind) and re.match(r"\{?[qvsd]\d", rest) and place in rest)
        self.loads, self.stores = count("ld"), count("st")
        self.of_stack = count("ld", "[sp") + count("st", "[sp")

    def assembler(self):
        """As the model reads it: what is called or gone to elsewhere does not matter to it."""
        yield ".Lfirst:"
        for _, what, operands in self.body:
            at = target(what, operands)
            if at is not None:
                operands = re.sub(r"[0-9a-f]+ <.*", ".Lfirst" if at == self.first else ".Lelsewhere", operands)
            elif what == "bl":
                operands = "elsewhere"
            yield f"{what} {re.sub(r'<.*', '', operands)}"


def cycles(mca, cpu, lines, times):
    """The cycles of one turn, and those that the units its instructions need are taken for."""
    said = subprocess.run(
        [mca, "-mtriple=aarch64-linux-gnu", *f"-mcpu={cpu}".split(), f"-iterations={times}", "-instruction-info=0",
         "-resource-pressure=0"], input="\n".join(lines) + "\n", capture_output=True, text=True)
    found = re.search(r"Total Cycles: +(\d+)(?:.|\n)*Block RThroughput: +([0-9.]+)", said.stdout)
    if said.returncode != 0 or found is None:
        sys.exit(f"{mca} of {cpu} failed: {said.stderr}")
    return int(found[1]) / times, float(found[2])


def short(name):
    """A function's name without what all have."""
    name = re.sub(r"\[[0-9a-f]{16}\]", "", name)
    name = re.sub(r"unisono::nn::kernel::", "", name)
    kernel = re.fullmatch(r"<neon::(.*) as simd::Baseline>::run::<\w+::(.*), \d, \d, \d>", name)
    return f"{kernel[2]}, {kernel[1]}" if kernel else name


def main(library, mca):
    peaks = {cpu: 24 / cycles(mca, cpu, INDEPENDENT, 200)[0] for cpu in CPUS}
    print("| kernel | instructions | multiply-adds, by lane | other arithmetic | of single values | loads, stores | of the stack | "
          + " | ".join(f"{cpu}, {peaks[cpu]:.1f} a cycle" for cpu in CPUS) + " |")
    print("|---" * (7 + len(CPUS)) + "|")
    rows = set()
    for name, code in functions(library):
        for body in loops(code):
            loop = Loop(body)
            if loop.arithmetic < 4 and loop.scalar < 4:
                continue
            shares = []
            for cpu in CPUS:
                took, least = cycles(mca, cpu, loop.assembler(), 20000 // len(body) + 10)
                done = (loop.arithmetic + loop.scalar) / peaks[cpu]
                shares.append(f"{100 * done / took:.0f} of {100 * done / least:.0f} %")
            rows.add((short(name), -loop.arithmetic, f"| `{short(name)}` | {len(body)} | {loop.fma}, {loop.by_lane} | {loop.arithmetic - loop.fma} "
                      f"| {loop.scalar} | {loop.loads}, {loop.stores} | {loop.of_stack} | {' | '.join(shares)} |"))
    for *_, row in sorted(rows):
        print(row)


if __name__ == "__main__":
    main(*sys.argv[1:])
