#!/usr/bin/env bash
# Compares unisono with PyTorch, JAX, candle and burn on this machine, interleaved: the README's table.
#
#   benches/peers.sh DIR [ARGUMENTS OF compare.py]
#
# DIR holds bench_torch.py and bench_jax.py. What is missing is installed below target/peers: 6 GB, some 15 minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
peers=$(realpath "${1:?usage: benches/peers.sh DIR [ARGUMENTS]}")
shift
environments=${UNISONO_PEERS:-target/peers}

install() { # NAME PACKAGES...: a Python environment, once.
  local name=$1
  shift
  [ -x "$environments/$name/bin/python" ] && return
  python3 -m venv "$environments/$name.part"
  "$environments/$name.part/bin/python" -m pip install -q "$@"
  mv "$environments/$name.part" "$environments/$name"
}
mkdir -p "$environments"
install torch torch==2.15.0 numpy==2.4.6 "setuptools>=77.0.3"
install jax "jax[cpu]==0.10.2"

# candle and burn multiply with AVX-512 only if they are built for it.
features=()
grep -qw avx512f /proc/cpuinfo && features=(--features avx512)
cargo build --release
cargo build --release --manifest-path benches/rust_peers/Cargo.toml --target-dir target/rust_peers "${features[@]}"

mkdir -p target/record
exec python3 benches/compare.py --peers "$peers" --torch "$environments/torch/bin/python" --jax "$environments/jax/bin/python" \
  --rust target/rust_peers/release/rust_peers --record "target/record/$(date +%F).jsonl" "$@"
