#!/usr/bin/env bash
# Type-checks library and program for Windows and macOS, where no warning may be left, with the packages of
# Debian 12; on Linux, that the smallest program calls no function of the C library's mathematics.
# By hand, before a merge that touches src/sys or a dependency: 10 to 20 minutes on two cores, no download of a toolchain.
set -euo pipefail
cd "$(dirname "$0")/../.."
packages=(cargo-web rustc-web rust-web-src gcc-mingw-w64-x86-64 binutils)
dpkg --status "${packages[@]}" > /dev/null 2>&1 || {
  apt-get update --quiet --quiet
  apt-get install --yes --quiet --quiet --no-install-recommends "${packages[@]}"
}
target=${CARGO_TARGET_DIR:-target/systems}

# The standard library is checked from its sources, which only this variable lets a released compiler do.
checked() {
  echo "== $*"
  RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_INCREMENTAL=0 \
    /usr/bin/cargo check --locked -Z build-std=std,panic_abort --target-dir "$target" "$@" 2> "$target/said" || { cat "$target/said"; exit 1; }
  if grep --quiet "^warning" "$target/said"; then cat "$target/said"; exit 1; fi
}
mkdir -p "$target"
for system in x86_64-pc-windows-gnu aarch64-apple-darwin; do
  checked --target "$system" --lib --no-default-features
  checked --target "$system" --bin unisono
done

# A program that trains, by the library without features: of the names that are looked up when it starts, none is of a
# function whose last bits differ between C libraries. (Others, as `fmod`, are exact.)
cargo build --release --no-default-features --example linear_regression --target-dir "$target"
inexact='^(a?(sin|cos|tan)h?|sincos|atan2|exp|exp2|exp10|expm1|log|log2|log10|log1p|pow|cbrt|hypot|fma|erf|erfc|l?gamma)f?$'
called=$(nm --dynamic --undefined-only --format=posix "$target/release/examples/linear_regression" | cut -d' ' -f1 | cut -d@ -f1)
if grep --extended-regexp "$inexact" <<< "$called"; then
  echo "the program calls these functions of the C library: their last bits differ between systems"
  exit 1
fi
echo "all systems checked"
