# Sourced from the root of the repository: what builds for ARM64 and emulates it, of Debian 12's packages.

triple=aarch64-unknown-linux-gnu
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER=qemu-aarch64-static
# Its own C library in the program: the emulator may hang on a loader of another version.
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C target-feature=+crt-static"
# /usr/bin/cargo with these builds for ARM64.
arm=(--release --locked --target "$triple" --target-dir target/arm)

apt="apt-get -qq -o DPkg::Lock::Timeout=900"

# A compiler of Debian's, the standard library for ARM64 beside its own, a linker and the emulator, unless they are there.
install_arm_tools() {
  if test -d "/usr/lib/rustlib/$triple" && command -v qemu-aarch64-static aarch64-linux-gnu-gcc > /dev/null; then
    return
  fi
  local version
  $apt update
  $apt install --yes --no-install-recommends cargo-web rustc-web gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static
  version=$(dpkg-query --show --showformat '${Version}' libstd-rust-web-dev)
  (
    cd "$(mktemp -d)"
    mkdir -p lists/partial
    arm_lists="-o APT::Architecture=amd64 -o APT::Architectures::=amd64 -o APT::Architectures::=arm64 -o Dir::State::lists=$PWD/lists"
    $apt $arm_lists update
    $apt $arm_lists download "libstd-rust-web-dev:arm64=$version"
    dpkg --extract libstd-rust-web-dev_*_arm64.deb std
    cp --recursive "std/usr/lib/rustlib/$triple" /usr/lib/rustlib/
  )
}

# What is set is for these commands alone: the program for this machine is built by its own compiler, with line tables.
arm_cargo() { RUSTC=/usr/bin/rustc CARGO_INCREMENTAL=0 CARGO_PROFILE_RELEASE_DEBUG=none /usr/bin/cargo "$@"; }
