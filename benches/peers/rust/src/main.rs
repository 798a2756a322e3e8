//! Times one training step of the Rust frameworks candle and burn, and prints one JSON line.
//!
//! ```text
//! rust_peers --framework candle|burn --workload mlp_small|mlp|lenet|lstm --batch N --threads T --seconds S
//! ```
//!
//! A step is forward, softmax cross-entropy, backward and SGD (learning rate 0.01, momentum 0.9) in
//! f32 over synthetic batches made once, as in the PyTorch yardstick. Exit codes: 0, or 2 for wrong
//! flags.
//!
//! `--features avx512` builds the matrix product both frameworks use with AVX-512 kernels; the
//! field `gemm` of the report says which build ran.
//!
//! # Why this way
//! Threads: both frameworks read `RAYON_NUM_THREADS` when their first pool starts (candle prefers
//! `CANDLE_NUM_THREADS`), so [`threads`] sets both and starts the program again. Setting them in
//! the running process would need `unsafe`.

mod args;
mod burn_networks;
mod burn_peer;
mod candle_networks;
mod candle_peer;
mod data;
mod measure;
mod report;
mod threads;
mod workload;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Framework};

fn main() -> ExitCode {
    let args = Args::parse();
    if let Err(error) = threads::ensure(args.threads) {
        eprintln!(
            "rust_peers: cannot start again with {} threads: {error}",
            args.threads
        );
        return ExitCode::FAILURE;
    }
    let timing = match args.framework {
        Framework::Candle => candle_peer::run(&args),
        Framework::Burn => burn_peer::run(&args),
    };
    println!("{}", report::json_line(&args, &timing));
    ExitCode::SUCCESS
}
