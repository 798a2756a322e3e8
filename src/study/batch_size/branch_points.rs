//! Points of a training that was branched: how much larger the loss of larger batches is, and the
//! critical batch size.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::stats::{Bootstrap, Estimate, RESAMPLES, median_of};

use super::branches::BranchOutcome;

/// A point at which trainings were branched: losses and critical batch size over the seeds.
///
/// Example: [`BranchOutcome`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BranchPoint {
    /// Where, in epochs.
    pub at: f64,
    /// The median test loss at the end of the branch with the smallest batch.
    pub loss: Estimate,
    /// The median noise scale where the branches begin, in rows.
    pub noise_scale: Option<Estimate>,
    /// How much larger the loss of each batch size is than that of the smallest, as a share of it:
    /// the median over the seeds.
    pub excess: Vec<(usize, Estimate)>,
    /// The largest batch before the first whose excess is beyond the tolerance.
    pub critical_batch: Estimate,
    /// Whether no batch was beyond it: the critical batch is then at least this.
    pub is_open: bool,
}

impl BranchPoint {
    /// The points of all branches, ascending; intervals and ranges are over the seeds.
    pub fn of(outcomes: &[BranchOutcome], tolerance: f64, seed: u64) -> Vec<Self> {
        let mut places: Vec<f64> = outcomes.iter().map(|outcome| outcome.at).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        let point = |&at: &f64| {
            let own = outcomes.iter().filter(|outcome| outcome.at == at);
            point(at, &own.collect::<Vec<_>>(), tolerance, seed)
        };
        places.iter().map(point).collect()
    }
}

fn point(at: f64, own: &[&BranchOutcome], tolerance: f64, seed: u64) -> BranchPoint {
    // Losses by batch size, and as shares of the smallest one's, seed by seed.
    let mut losses: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for outcome in own {
        losses
            .entry(outcome.batch_size)
            .or_default()
            .push(outcome.loss);
    }
    let (&smallest, base) = losses.first_key_value().expect("a point has branches");
    let shares: Vec<(usize, Vec<f64>)> = losses
        .iter()
        .map(|(&size, losses)| {
            let pairs = losses.iter().zip(base);
            (size, pairs.map(|(loss, base)| loss / base - 1.0).collect())
        })
        .collect();
    // The largest batch within the tolerance, of all seeds and of each draw.
    let rounds = shares.iter().map(|(_, shares)| shares.len()).min();
    let bootstrap = Bootstrap::new(rounds.unwrap_or(1).max(1), RESAMPLES, seed);
    let critical = |rounds: &[u32]| {
        let within = shares
            .iter()
            .take_while(|(_, shares)| median_of(shares, rounds) <= tolerance);
        within.last().map_or(smallest, |(size, _)| *size) as f64
    };
    let critical_batch = bootstrap.estimate(critical);
    let largest = shares.last().map_or(smallest, |(size, _)| *size);
    // The noise scale is of the training, the same for all branches of a seed.
    let scales: Option<Vec<f64>> = own
        .iter()
        .filter(|outcome| outcome.batch_size == smallest)
        .map(|outcome| outcome.noise_scale)
        .collect();
    BranchPoint {
        at,
        loss: bootstrap.estimate(|rounds| median_of(base, rounds)),
        noise_scale: scales.map(|scales| bootstrap.estimate(|rounds| median_of(&scales, rounds))),
        excess: shares
            .iter()
            .map(|(size, shares)| {
                (
                    *size,
                    bootstrap.estimate(|rounds| median_of(shares, rounds)),
                )
            })
            .collect(),
        is_open: critical_batch.value >= largest as f64,
        critical_batch,
    }
}
