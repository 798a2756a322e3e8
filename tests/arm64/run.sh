#!/usr/bin/env bash
# Builds the program and the library's tests for ARM64 and runs them in an emulator (Debian 12, as root, since it installs
# a compiler and the emulator by apt-get): every training of tests/hashes.txt on every instruction set of every processor
# below and of this machine, and a run that goes from one architecture to the other and back.
#
#     tests/arm64/run.sh              # all; writes tests/arm64/last_result.md
#
# To be run before a change of the kernels, of the engine or of what asks the system is merged. It does not show how
# fast anything is on such a processor, nor what only its weaker memory order brings to light: the emulator has that of
# the machine it runs on. For that, on a real one: UNISONO_STRESS_STEPS=20000 cargo test --release --test it hand_overs.
set -euo pipefail
cd "$(dirname "$0")/../.."
shopt -s lastpipe

triple=aarch64-unknown-linux-gnu
processors=(cortex-a57 neoverse-n1 max)
result=tests/arm64/last_result.md
step() { printf "\n== after %d s: %s\n" "$SECONDS" "$*"; "$@"; }

# 1. A compiler of Debian's, the standard library for ARM64 beside its own, a linker and the emulator.
install_tools() {
  apt="apt-get -qq -o DPkg::Lock::Timeout=900"
  $apt update
  $apt install --yes --no-install-recommends cargo-web rustc-web gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static
  version=$(dpkg-query --show --showformat '${Version}' libstd-rust-web-dev)
  (
    cd "$(mktemp -d)"
    mkdir -p lists/partial
    arm="-o APT::Architecture=amd64 -o APT::Architectures::=amd64 -o APT::Architectures::=arm64 -o Dir::State::lists=$PWD/lists"
    $apt $arm update
    $apt $arm download "libstd-rust-web-dev:arm64=$version"
    dpkg --extract libstd-rust-web-dev_*_arm64.deb std
    cp --recursive "std/usr/lib/rustlib/$triple" /usr/lib/rustlib/
  )
}
if ! { test -d "/usr/lib/rustlib/$triple" && command -v qemu-aarch64-static aarch64-linux-gnu-gcc; } > /dev/null; then
  step install_tools
fi

# 2. What is built: the program for both architectures, and tests that need no feature.
native=${UNISONO:-target/release/unisono}
if test -z "${UNISONO:-}"; then
  step cargo build --release --locked --bin unisono
fi
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER=qemu-aarch64-static
# Its own C library in the program: the emulator may hang on a loader of another version.
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C target-feature=+crt-static"
export CARGO_INCREMENTAL=0 CARGO_PROFILE_RELEASE_DEBUG=none RUSTC=/usr/bin/rustc
arm=(--release --locked --target "$triple" --target-dir target/arm)
step /usr/bin/cargo build "${arm[@]}" --bin unisono
emulated=target/arm/$triple/release/unisono

# 3. Tests: kernels, engine, all instruction sets against each other, and whole trainings.
QEMU_CPU=max step /usr/bin/cargo test "${arm[@]}" --no-default-features --lib
QEMU_CPU=max step /usr/bin/cargo test "${arm[@]}" --no-default-features --test it -- \
  winograd shard_norms bf16 hand_overs data_parallel_equivalence gradients

# 4. The recorded trainings.
# The program on a processor: `this`, or one of the emulator's.
on() {
  local processor=$1; shift
  if test "$processor" = this; then "$native" "$@"; else QEMU_CPU=$processor qemu-aarch64-static "$emulated" "$@"; fi
}
sha256_of() { sed -n 's/^weights sha256: //p'; }
sets_of() {
  { UNISONO_ISA=none on "$1" train 2>&1 || true; } | sed -n 's/.*must be one of \([a-z0-9, ]*\) on this machine.*/\1/p' | tr -d ,
}
expect() {
  test "$1" = "$2" || { echo "$3: expected the weights $1, got $2"; exit 1; }
}
table() {
  local processor=$1 sets isa count sha256 command threads
  sets=$(sets_of "$processor")
  test -n "$sets" || { echo "$processor names no instruction sets"; exit 1; }
  for isa in $sets; do
    count=0
    grep -v "^#" tests/hashes.txt | while read -r sha256 command; do
      eval "arguments=($command)"
      case $command in train | "train --precision bf16") threads="1 2 3" ;; *) threads=2 ;; esac
      for threads in $threads; do
        got=$(UNISONO_ISA=$isa on "$processor" "${arguments[@]}" --threads "$threads" 2>&1 | sha256_of)
        expect "$sha256" "$got" "$processor, $isa, $threads threads, $command"
      done
      count=$((count + 1))
    done
    printf "| %s | Linux | %s | all %d |\n" "$(name_of "$processor")" "$isa" "$count" | tee --append "$rows"
  done
}
name_of() {
  if test "$1" = this; then sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -1; else echo "ARM64, $1 in QEMU"; fi
}
rows=$(mktemp)
for processor in this "${processors[@]}"; do
  step table "$processor"
done

# 5. A run begun on one architecture, continued on the other and ended on the first.
default=$(sed -n 's/ train$//p' tests/hashes.txt)
there_and_back() {
  local folder
  folder=$(mktemp --directory)/run
  on "$1" train --quiet --epochs 10 --threads 2 --out "$folder" > /dev/null
  on "$2" train --quiet --epochs 20 --threads 3 --resume "$folder" > /dev/null
  expect "$default" "$(on "$1" train --quiet --epochs 30 --threads 1 --resume "$folder" | sha256_of)" "resumed on $2 and $1"
}
step there_and_back this max
step there_and_back max this

# 6. What was run, to be committed.
{
  echo "# Last run of tests/arm64/run.sh"
  echo
  echo "$(date --utc +%Y-%m-%d), commit $(git describe --always --dirty --abbrev=12), $(/usr/bin/rustc --version), \
$(qemu-aarch64-static --version | head -1 | sed 's/ (.*//'), $SECONDS s."
  echo
  for part in src/nn/kernel src/engine tests/hashes.txt; do
    echo "    $part $(git rev-parse "HEAD:$part")"
  done
  echo
  echo "| processor | system | instruction set | hashes of tests/hashes.txt |"
  echo "|---|---|---|---|"
  cat "$rows"
  echo
  echo "The default run at 1, 2 and 3 threads in f32 and bf16, the other trainings at 2. Begun on this machine, continued on"
  echo "ARM64 and ended on this machine, and the other way round, the default run has its hash. ARM64 is emulated: its"
  echo "arithmetic is QEMU's, its memory order this machine's."
} > "$result"
printf "\nall as recorded after %d s\n" "$SECONDS"
