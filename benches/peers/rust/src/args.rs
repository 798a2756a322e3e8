//! Command line flags.

use clap::{Parser, ValueEnum};

use crate::workload::Workload;

/// Who trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Framework {
    /// candle-core and candle-nn.
    Candle,
    /// burn on its `flex` backend.
    Burn,
}

/// Times one training step of candle or burn, and prints one JSON line.
#[derive(Clone, Copy, Debug, Parser)]
pub struct Args {
    /// Who trains
    #[arg(long)]
    pub framework: Framework,
    /// What is trained
    #[arg(long)]
    pub workload: Workload,
    /// Samples in a step
    #[arg(long, value_parser = parse_count)]
    pub batch: usize,
    /// Threads of the framework's pool
    #[arg(long, value_parser = parse_count)]
    pub threads: usize,
    /// Shortest span of timed steps
    #[arg(long)]
    pub seconds: f64,
}

impl Framework {
    /// The name on the command line and in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Candle => "candle",
            Self::Burn => "burn",
        }
    }
}

fn parse_count(value: &str) -> Result<usize, String> {
    let count = value.parse().ok().filter(|&count| count > 0);
    count.ok_or_else(|| "expected a whole number from 1".to_owned())
}
