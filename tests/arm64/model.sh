#!/usr/bin/env bash
# Prints what LLVM's models of ARM64 processors make of the kernels' inner loops, as a table (Debian 12, as root, since it
# installs a compiler and LLVM by apt-get). A model: no such processor is asked.
#
#     tests/arm64/model.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

source tests/arm64/tools.sh
install_arm_tools >&2
# The compiler's LLVM: older ones have no models of these processors.
llvm=$(/usr/bin/rustc --version --verbose | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
command -v "llvm-mca-$llvm" > /dev/null || $apt install --yes --no-install-recommends "llvm-$llvm" >&2

# Names that tell kernels apart.
arm_cargo rustc "${arm[@]}" --no-default-features --lib -- -C symbol-mangling-version=v0 >&2
python3 tests/arm64/model.py "target/arm/$triple/release/libunisono.rlib" "llvm-mca-$llvm"
