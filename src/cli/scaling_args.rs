//! Arguments of `unisono scaling`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::choices::{a_precision, a_preset, all_reduces, an_all_reduce};
use super::options::{JsonArgs, TableArgs, precision_help, ranges, reference_help};

/// Measures scaling, or analyses a measurement.
#[derive(Clone, Debug, ClapArgs)]
pub(super) struct ScalingArgs {
    // A reference model.
    #[arg(long, default_value = "mlp", value_name = "NAME", value_parser = a_preset(), help = reference_help())]
    pub(super) preset: String,

    // The precision of products.
    #[arg(long, default_value = "f32", value_name = "NAME", value_parser = a_precision(), help = precision_help())]
    pub(super) precision: String,

    /// Numbers of threads of each process, such as 1,2,4; by default powers of two up to the usable
    /// cores. With --simulate, the one number of each rank
    #[arg(long, value_name = "N,N...")]
    pub(super) threads: Option<String>,

    /// Numbers of processes (ranks), such as 1,2,4, of those that mpirun has started; by default
    /// powers of two up to all of them. With --simulate, the one number to simulate
    #[arg(long, value_name = "N,N...", value_delimiter = ',', value_parser = ranges::whole::<usize>(1, 65_536))]
    pub(super) ranks: Vec<usize>,

    /// strong (fixed global batch), weak (fixed rows per thread), or both
    #[arg(long, default_value = "strong,weak", value_name = "MODES")]
    pub(super) mode: String,

    /// Rows of the global batch under strong scaling, of each thread under weak scaling (128 by
    /// default); with --simulate, of the global batch (128 per thread of all ranks by default)
    #[arg(long, value_name = "ROWS", value_parser = ranges::rows())]
    pub(super) batch_size: Option<usize>,

    /// Time budget of all rounds together
    #[arg(long, default_value = "20s", value_name = "TIME")]
    pub(super) budget: String,

    /// Stop earlier when every median is known to within this share, with 95 % confidence
    #[arg(long, default_value_t = 0.02, value_name = "SHARE", value_parser = ranges::SHARE.double())]
    pub(super) half_width: f64,

    /// Seed of parameters, data and the order of measurements
    #[arg(long, default_value_t = 42, value_parser = ranges::any_whole::<u64>())]
    pub(super) seed: u64,

    /// Write results.json, samples.jsonl, report.html and the charts (SVG, PNG and CSV) into this
    /// new folder
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,

    /// Write into a folder that is not empty, and replace files of the same names
    #[arg(long, requires = "out")]
    pub(super) force: bool,

    /// Measure another program as well: a command that prints one line of JSON like `bench --json`;
    /// {preset}, {threads} and {batch} are filled in. May be repeated
    #[arg(long, value_name = "COMMAND")]
    pub(super) peer: Vec<String>,

    /// Measure every preset at several batch sizes, and tell whether more threads are ever slower
    #[arg(long, conflicts_with_all = ["compare", "simulate", "peer"])]
    pub(super) never_slower: bool,

    /// Tell whether the results in two folders differ
    #[arg(long, num_args = 2, value_names = ["DIR", "DIR"])]
    pub(super) compare: Option<Vec<PathBuf>>,

    /// Predict a step on --threads threads of each of --ranks processes instead, with constants
    /// measured on this machine or read from --results: a simulation, not a measurement
    #[arg(long, conflicts_with = "compare")]
    pub(super) simulate: bool,

    #[command(flatten)]
    pub(super) what_if: WhatIfArgs,

    #[command(flatten)]
    pub(super) table: TableArgs,

    #[command(flatten)]
    pub(super) json: JsonArgs,
}

/// What is simulated.
#[derive(Clone, Debug, ClapArgs)]
pub(super) struct WhatIfArgs {
    /// Take the constants from the results in this folder
    #[arg(long, value_name = "DIR", requires = "simulate")]
    pub(super) results: Option<PathBuf>,

    /// Slow-down of the last worker, as a factor of its computing time
    #[arg(
        long,
        default_value_t = 1.0,
        value_name = "FACTOR",
        value_parser = ranges::within("from 1 to 1000000", |factor| (1.0..=1e6).contains(&factor)).double(),
        requires = "simulate"
    )]
    pub(super) straggler: f64,

    /// Standard deviation of the workers' computing times, as a share of them
    #[arg(
        long,
        default_value_t = 0.0,
        value_name = "SHARE",
        value_parser = ranges::FRACTION.double(),
        requires = "simulate"
    )]
    pub(super) jitter: f64,

    // The all-reduce.
    #[arg(
        help = format!("The all-reduce: {}", all_reduces()),
        id = "simulated_all_reduce",
        long = "all-reduce",
        default_value = "segmented",
        value_name = "NAME",
        value_parser = an_all_reduce(),
        requires = "simulate"
    )]
    pub(super) all_reduce: String,

    /// Cores of the one machine that all ranks share; without it each rank has a machine of its own,
    /// with a core for each thread
    #[arg(long, value_name = "N", requires = "simulate", value_parser = ranges::whole::<usize>(1, 65_536))]
    pub(super) cores: Option<usize>,

    /// Latency of a message between ranks, in microseconds (`bench` under mpirun measures these
    /// three: link_latency_us, link_message_us, link_gbit)
    #[arg(long, default_value_t = 20.0, value_name = "US", requires = "simulate", value_parser = ranges::within("from 0 to 1000000000", |us| (0.0..=1e9).contains(&us)).double())]
    pub(super) link_latency_us: f64,

    /// What each message between ranks takes of its sender and of its receiver, in microseconds
    #[arg(long, default_value_t = 1.0, value_name = "US", requires = "simulate", value_parser = ranges::within("from 0 to 1000000", |us| (0.0..=1e6).contains(&us)).double())]
    pub(super) link_message_us: f64,

    /// Bandwidth of a rank, in gigabits a second
    #[arg(long, default_value_t = 10.0, value_name = "GBIT", requires = "simulate", value_parser = ranges::within("from 0.000001 to 1000000", |gbit| (1e-6..=1e6).contains(&gbit)).double())]
    pub(super) link_gbit: f64,

    /// A rank's bandwidth is for what it sends and receives together
    #[arg(long, requires = "simulate")]
    pub(super) link_half_duplex: bool,
}
