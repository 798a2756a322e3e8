"""The crates that the project is built of: licences, sources, checksums, duplicates, and none that
compiles C.

    python3 tests/dependencies.py

What `cargo deny` checks of licences, bans and sources, which takes minutes to install. It reads what
`cargo metadata` says of Cargo.lock; with the crates at hand it needs no network. Advisories are not
looked up.
"""

import json
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"

# Licences that ask for no more than a notice, and of the fonts and digits that are embedded.
LICENCES = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0",
    "CC-BY-4.0", "CC0-1.0", "ISC", "MIT", "MIT-0", "Unicode-3.0", "Unlicense", "Zlib",
}

# Crates that must not come into the program, and why.
BANNED = {
    "cc": "it compiles C, for which a user needs a compiler",
    "cmake": "it builds C++",
    "bindgen": "it needs libclang",
    "pkg-config": "it looks for libraries of the system",
    "openssl-sys": "it needs a library of the system",
    "libgit2-sys": "it builds C",
    "onig_sys": "it builds C; tokenizers has fancy-regex",
    "tokio": "nothing here waits for a network",
    "reqwest": "nothing here opens a connection",
    "ureq": "nothing here opens a connection",
}

# Crates of which the program has several versions on Linux, and who brings the older ones.
DUPLICATES = {
    "base64": "spm_precompiled of tokenizers",
    "foldhash": "fontdue of kuva",
    "getrandom": "rand 0.9",
    "glam": "nalgebra names four versions, and none of them is compiled",
    "hashbrown": "fontdue of kuva, safetensors",
    "miniz_oxide": "png",
    "rand": "ndarray-rand and tokenizers have 0.9",
    "rand_core": "rand 0.9",
    "syn": "derives that are not at version 3 yet",
}


def metadata(*more):
    command = ["cargo", "metadata", "--locked", "--format-version", "1", *more]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)


def is_allowed(licence):
    """Whether an SPDX expression allows what we do; a slash is an old way to write OR."""
    tokens = re.findall(r"[()]|[^\s()/]+|/", licence or "")
    tokens = ["OR" if token == "/" else token for token in tokens]

    def either():
        value = both()
        while tokens[:1] == ["OR"]:
            tokens.pop(0)
            value = both() or value
        return value

    def both():
        value = one()
        while tokens[:1] == ["AND"]:
            tokens.pop(0)
            value = one() and value
        return value

    def one():
        token = tokens.pop(0)
        if token == "(":
            value = either()
            tokens.pop(0)
            return value
        if tokens[:1] == ["WITH"]:
            token = f"{token} WITH {tokens[1]}"
            del tokens[:2]
        return token in LICENCES

    return bool(tokens) and either() and not tokens


def of_program(found):
    """The packages that are compiled into the program, or to build it."""
    nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
    left, seen = [found["resolve"]["root"]], set()
    while left:
        package = left.pop()
        if package in seen:
            continue
        seen.add(package)
        for other in nodes[package]["deps"]:
            kinds = [kind for kind in other["dep_kinds"] if kind["kind"] != "dev"]
            if any("loom" not in (kind["target"] or "") for kind in kinds):
                left.append(other["pkg"])
    return [package for package in found["packages"] if package["id"] in seen]


def problems():
    # Of every crate that Cargo.lock names, for whatever system.
    for package in metadata()["packages"]:
        name = f"{package['name']} {package['version']}"
        if not is_allowed(package["license"]):
            yield f"{name}: the licence {package['license']!r} is none of those allowed"
        if package["source"] not in (None, REGISTRY):
            yield f"{name}: comes from {package['source']}, not from crates.io"
        if package["source"] is None and package["name"] != "unisono":
            yield f"{name}: comes from a folder"
    for package in tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]:
        if "source" in package and "checksum" not in package:
            yield f"{package['name']}: Cargo.lock has no checksum of it"
    # Of the program, on Linux.
    versions = defaultdict(set)
    for package in of_program(metadata("--filter-platform", "x86_64-unknown-linux-gnu")):
        versions[package["name"]].add(package["version"])
        if package["name"] in BANNED:
            yield f"{package['name']} must not come into the program: {BANNED[package['name']]}"
    twice = {name for name, all_of in versions.items() if len(all_of) > 1}
    for name in sorted(twice - set(DUPLICATES)):
        yield f"{name} comes in the versions {', '.join(sorted(versions[name]))}: name in DUPLICATES who brings which"
    for name in sorted(set(DUPLICATES) - twice):
        yield f"{name} comes in one version alone: take it out of DUPLICATES"


def main():
    for licence, expected in [
        ("MIT OR GPL-3.0", True),
        ("MIT AND GPL-3.0", False),
        ("(MIT OR GPL-3.0) AND Unicode-3.0", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("Apache-2.0/MIT", True),
        ("GPL-3.0", False),
        (None, False),
    ]:
        assert is_allowed(licence) == expected, licence
    found = list(problems())
    print("\n".join(found) or "licences, sources, checksums and duplicates are as they should be")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
