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

source tests/arm64/tools.sh
processors=(cortex-a57 neoverse-n1 max)
result=tests/arm64/last_result.md
step() { printf "\n== after %d s: %s\n" "$SECONDS" "$*"; "$@"; }

# 1. What was run is to be told by a commit; a compiler, the emulator.
changed=$(git status --porcelain -- . ":!$result")
test -z "$changed" || { printf "to be run on a commit; these files are not in it:\n%s\n" "$changed"; exit 1; }
commit=$(git rev-parse --short=12 HEAD)
step install_arm_tools

# 2. What is built: the program for both architectures, and tests that need no feature.
native=${UNISONO:-target/release/unisono}
if test -z "${UNISONO:-}"; then
  step cargo build --release --locked --bin unisono
fi
step arm_cargo build "${arm[@]}" --bin unisono
emulated=target/arm/$triple/release/unisono

# 3. Tests: kernels, engine, all instruction sets against each other, and whole trainings.
# (One loads a library, for which a program with its own C library needs the same one beside it.)
export QEMU_LD_PREFIX=/usr/aarch64-linux-gnu
QEMU_CPU=max step arm_cargo test "${arm[@]}" --no-default-features --lib
modules=(winograd shard_norms bf16 hand_overs data_parallel_equivalence gradients same_bits)
QEMU_CPU=max step arm_cargo test "${arm[@]}" --no-default-features --test it -- "${modules[@]}"

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
  if test "$1" = this; then sed -n '0,/^model name/s/^model name\s*: //p' /proc/cpuinfo; else echo "ARM64, $1 in QEMU"; fi
}
rows=$(mktemp)
for processor in this "${processors[@]}"; do
  step table "$processor"
done

# 5. A run begun on one architecture, continued on the other and ended on the first.
there_and_back() {
  local here=$1 there=$2 precision=$3 sha256=$4 folder
  folder=$(mktemp --directory)/run
  on "$here" train --quiet --precision "$precision" --epochs 10 --threads 2 --out "$folder" > /dev/null
  on "$there" train --quiet --precision "$precision" --epochs 20 --threads 3 --resume "$folder" > /dev/null
  got=$(on "$here" train --quiet --precision "$precision" --epochs 30 --threads 1 --resume "$folder" | sha256_of)
  expect "$sha256" "$got" "$precision, resumed on $there and $here"
}
for processors_in_turn in "this max" "max this"; do
  step there_and_back $processors_in_turn f32 "$(sed -n 's/ train$//p' tests/hashes.txt)"
  step there_and_back $processors_in_turn bf16 "$(sed -n 's/ train --precision bf16$//p' tests/hashes.txt)"
done

# 6. Kernels of the other architecture are refused, by name and as bad input.
is_refused() {
  local code=0 said
  said=$(UNISONO_ISA=$2 on "$1" train 2>&1) || code=$?
  grep "UNISONO_ISA names kernels of $3 processors, \"$2\"; on this machine expected one of portable" <<< "$said"
  test "$code" = 2
}
step is_refused this neon aarch64
step is_refused max avx2 x86_64

# 7. What was run, to be committed.
{
  echo "# Last run of tests/arm64/run.sh"
  echo
  echo "$(date --utc +%Y-%m-%d), commit $commit, $(/usr/bin/rustc --version), \
$(qemu-aarch64-static --version | sed -n '1s/ (.*//p'), $SECONDS s."
  echo
  # .ci/run reads these lines.
  for part in src/nn/kernel src/engine src/seed src/sys tests/hashes.txt; do
    echo "    $part $(git rev-parse "$commit:$part")"
  done
  echo
  echo "| processor | system | instruction set | hashes of tests/hashes.txt |"
  echo "|---|---|---|---|"
  cat "$rows"
  echo
  echo "The default run at 1, 2 and 3 threads in f32 and bf16, the other trainings at 2. Begun on this machine, continued on"
  echo "ARM64 and ended on this machine, and the other way round, the default run has its hash in either precision. Tests of"
  echo "the library that ran on ARM64: all unit tests; of tests/it those of ${modules[*]}."
  echo "ARM64 is emulated: its arithmetic is QEMU's, its memory order this machine's."
} > "$result"
printf "\nall as recorded after %d s\n" "$SECONDS"
