#!/usr/bin/env bash
# Compares unisono with PyTorch, JAX, candle and burn on this machine, interleaved: the README's table.
#
#   benches/peers/run.sh [ARGUMENTS OF compare.py]
#
# Two ranks under mpirun beside DistributedDataParallel's two processes over gloo, each of one thread:
#
#   benches/peers/run.sh --ranks 2 --modes ddp --only mlp:1024,lenet:64,gpt:12
#
# What is missing is installed below target/peers (or $UNISONO_PEERS): 6 GB, some 15 minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."
environments=${UNISONO_PEERS:-target/peers}

install() { # NAME: a Python environment with the versions that its requirements.txt pins, once.
  local name=$1
  [ -x "$environments/$name/bin/python" ] && return
  python3 -m venv "$environments/$name.part"
  "$environments/$name.part/bin/python" -m pip install -q -r "benches/peers/$name/requirements.txt"
  mv "$environments/$name.part" "$environments/$name"
}
mkdir -p "$environments"
install torch
install jax

# candle and burn multiply with AVX-512 only if they are built for it.
features=()
grep -qw avx512f /proc/cpuinfo && features=(--features avx512)
cargo build --release
cargo build --release --locked --manifest-path benches/peers/rust/Cargo.toml --target-dir target/rust_peers "${features[@]}"

mkdir -p target/record
exec python3 benches/compare.py --torch "$environments/torch/bin/python" --jax "$environments/jax/bin/python" \
  --rust target/rust_peers/release/rust_peers --record "target/record/$(date +%F).jsonl" "$@"
