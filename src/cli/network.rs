//! `unisono bench --network`: the all-reduce between ranks beside their MPI's, as a table or as one
//! line of JSON.

use serde_json::{Value, json};

use crate::engine::{NetworkBench, NetworkRow, Ranks};
use crate::stats::quantile;

use super::args::BenchArgs;
use super::error::{ArgError, CommandError};
use super::output::aligned;

/// The columns.
const HEAD: [&str; 9] = [
    "bytes",
    "rounds",
    "unisono, least ms",
    "median ms",
    "MPI_Allreduce, least ms",
    "median ms",
    "ratio (range)",
    "GB/s",
    "other bits",
];

/// `unisono bench --network`.
pub(super) fn network(args: &BenchArgs, ranks: Option<&Ranks>) -> Result<(), CommandError> {
    let Some(ranks) = ranks else {
        return Err(ArgError::text(
            "network",
            "times messages between processes, and this one was started alone; start several: mpirun -n 2 unisono bench --network",
        )
        .into());
    };
    let bench = NetworkBench {
        ranks: ranks.clone(),
        sizes: NetworkBench::SIZES.to_vec(),
        rounds: args.steps,
    };
    let rows = bench.run().map_err(crate::train::TrainError::from)?;
    if args.json {
        say!("{}", line(ranks, &rows));
        return Ok(());
    }
    say!("MPI: {}", library(ranks));
    for rank in 0..ranks.num_ranks() {
        say!("{}", ranks.name(rank));
    }
    let cells: Vec<Vec<String>> = rows.iter().map(cells).collect();
    aligned(&HEAD, &cells);
    if let Some(next) = bench.sizes.get(rows.len()) {
        say!("left out: {next} bytes and more, since a round took longer than a second before");
    }
    say!(
        "all ranks have the same bits; other bits are sums of MPI_Allreduce, which adds in another order"
    );
    Ok(())
}

fn library(ranks: &Ranks) -> &str {
    ranks.library().unwrap_or("none")
}

/// How long the first takes, of the second's time.
struct Ratio {
    of_medians: f64,
    least: f64,
    most: f64,
}

impl Ratio {
    fn of(row: &NetworkRow) -> Self {
        let pairs = row.ms.iter().zip(&row.mpi_ms);
        let rounds: Vec<f64> = pairs.map(|(ours, mpi)| ours / mpi).collect();
        Self {
            of_medians: quantile(&row.ms, 0.5) / quantile(&row.mpi_ms, 0.5),
            least: quantile(&rounds, 0.0),
            most: quantile(&rounds, 1.0),
        }
    }
}

/// Gigabytes a second at the median.
fn gb_per_s(row: &NetworkRow) -> f64 {
    row.bytes as f64 / quantile(&row.ms, 0.5) / 1e6
}

fn cells(row: &NetworkRow) -> Vec<String> {
    let ms = |times: &[f64], q| format!("{:.4}", quantile(times, q));
    let ratio = Ratio::of(row);
    vec![
        row.bytes.to_string(),
        row.ms.len().to_string(),
        ms(&row.ms, 0.0),
        ms(&row.ms, 0.5),
        ms(&row.mpi_ms, 0.0),
        ms(&row.mpi_ms, 0.5),
        format!(
            "{:.2} ({:.2} to {:.2})",
            ratio.of_medians, ratio.least, ratio.most
        ),
        format!("{:.2}", gb_per_s(row)),
        row.differing.to_string(),
    ]
}

fn line(ranks: &Ranks, rows: &[NetworkRow]) -> Value {
    let size = |row: &NetworkRow| {
        let ratio = Ratio::of(row);
        json!({
            "bytes": row.bytes,
            "rounds": row.ms.len(),
            "least_ms": quantile(&row.ms, 0.0),
            "median_ms": quantile(&row.ms, 0.5),
            "mpi_least_ms": quantile(&row.mpi_ms, 0.0),
            "mpi_median_ms": quantile(&row.mpi_ms, 0.5),
            "ratio": ratio.of_medians,
            "ratio_least": ratio.least,
            "ratio_most": ratio.most,
            "gb_per_s": gb_per_s(row),
            "other_bits": row.differing,
        })
    };
    json!({
        "framework": "unisono",
        "version": env!("CARGO_PKG_VERSION"),
        "mode": "network",
        "mpi": library(ranks),
        "ranks": (0..ranks.num_ranks()).map(|rank| ranks.name(rank)).collect::<Vec<_>>(),
        "sizes": rows.iter().map(size).collect::<Vec<_>>(),
    })
}
