//! Laws of scaling fitted to the measured points, their constants with intervals.

use serde::Serialize;

use crate::stats::median_of;
use crate::stats::{Bootstrap, Estimate, Law, LawFit};

use super::plan::{Cell, Kind};
use super::results::Results;

/// Resamples for constants and predictions.
const RESAMPLES: usize = 1_000;

/// Numbers of threads up to which a law is drawn.
const FARTHEST: usize = 1_024;

/// A law's constants.
///
/// Example: [`Analysis`](super::Analysis).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LawReport {
    /// The law through all samples.
    pub fit: LawFit,
    /// Threads of each rank, where the law is of numbers of ranks; `None` where it is of numbers of
    /// threads of one rank.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank_threads: Option<usize>,
    /// Contention, or the serial share.
    pub sigma: Estimate,
    /// Coherency.
    pub kappa: Estimate,
    /// The number of threads, or of ranks, with the highest throughput, where the interval of kappa lies above 0.
    pub best_threads: Option<Estimate>,
    /// Threads, or ranks, and how far the measured throughput lies above the law, as a share of it.
    pub residuals: Vec<(usize, f64)>,
    /// Threads, or ranks, and speed-up over the law's one: what was never measured is a prediction.
    pub predicted: Vec<(usize, Estimate)>,
}

impl Results {
    /// The laws that there are enough points for: Amdahl's and the Universal Scalability Law
    /// through strong scaling, Gustafson's through weak scaling. Once over the threads of one rank,
    /// and once over ranks, each with the most threads that several numbers of ranks have. More
    /// threads than cores are left out.
    pub fn laws(&self) -> Vec<LawReport> {
        let of = |kind: Kind, law: Law| {
            let mut most = self.cells.iter().map(|cell| cell.threads).max();
            let mut over_ranks = None;
            while let (Some(threads), None) = (most, &over_ranks) {
                over_ranks = self.law(law, kind, Some(threads));
                let fewer = self.cells.iter().map(|cell| cell.threads);
                most = fewer.filter(|&fewer| fewer < threads).max();
            }
            [self.law(law, kind, None), over_ranks]
        };
        let laws = [
            of(Kind::Strong, Law::Amdahl),
            of(Kind::Strong, Law::Usl),
            of(Kind::Weak, Law::Gustafson),
        ];
        laws.into_iter().flatten().flatten().collect()
    }

    fn law(&self, law: Law, kind: Kind, rank_threads: Option<usize>) -> Option<LawReport> {
        let fits = |index: &usize| {
            let cell = &self.cells[*index];
            // Of one thread both modes are the same cell.
            let is_one = cell.workers() == 1 && cell.kind == Kind::Strong;
            let is_on_line = match rank_threads {
                None => cell.ranks == 1,
                Some(threads) => cell.threads == threads,
            };
            (cell.kind == kind || is_one) && is_on_line && !self.is_oversubscribed(cell)
        };
        let number = |cell: &Cell| match rank_threads {
            None => cell.threads,
            Some(_) => cell.ranks,
        };
        let cells: Vec<usize> = (0..self.cells.len()).filter(fits).collect();
        if cells.len() < law.points_needed() {
            return None;
        }
        // Fits of all rounds, and of resampled ones for the intervals.
        let times: Vec<Vec<f64>> = cells.iter().map(|&cell| self.times_ms(cell)).collect();
        let points = |rounds: &[u32]| -> Vec<(f64, f64)> {
            let point = |(&cell, times): (&usize, &Vec<f64>)| {
                let cell = &self.cells[cell];
                let rate = cell.batch_size as f64 / median_of(times, rounds) * 1e3;
                (number(cell) as f64, rate)
            };
            cells.iter().zip(&times).map(point).collect()
        };
        let bootstrap = Bootstrap::new(self.rounds(), RESAMPLES, self.seed);
        let fits = bootstrap.map(|rounds| law.fit(&points(rounds)));
        let estimate =
            |of: &dyn Fn(&LawFit) -> f64| fits.estimate(|fit| fit.as_ref().map_or(f64::NAN, of));
        let fit = fits.whole?;
        let kappa = estimate(&|fit| fit.kappa);
        let has_peak = kappa.interval().is_some_and(|(low, _)| low > 0.0);
        // How far the law is from what was measured, and what it says of other numbers of threads.
        let measured = points(&self.all_rounds());
        let residual = |&(threads, rate): &(f64, f64)| {
            (threads as usize, rate / fit.throughput(threads) - 1.0)
        };
        let predict = |threads: usize| {
            let gain = estimate(&|fit| fit.throughput(threads as f64) / fit.rate);
            (threads, gain)
        };
        let numbers = with_powers(cells.iter().map(|&cell| number(&self.cells[cell])));
        Some(LawReport {
            rank_threads,
            sigma: estimate(&|fit| fit.sigma),
            best_threads: has_peak.then(|| estimate(&|fit| fit.best_threads().unwrap_or(f64::NAN))),
            residuals: measured.iter().map(residual).collect(),
            predicted: numbers.into_iter().map(predict).collect(),
            kappa,
            fit,
        })
    }
}

/// Numbers of threads that are spoken of: the measured ones and the powers of two up to the
/// farthest.
pub(super) fn with_powers(measured: impl Iterator<Item = usize>) -> Vec<usize> {
    let powers = (0..).map(|power| 1 << power);
    let powers = powers.take_while(|&count| count <= FARTHEST);
    let mut threads: Vec<usize> = measured.chain(powers).collect();
    threads.sort_unstable();
    threads.dedup();
    threads
}

impl LawReport {
    /// Its name, and what its numbers are of where they are of ranks.
    pub fn name(&self) -> String {
        let name = self.fit.law.name();
        match self.rank_threads {
            None => name.to_owned(),
            Some(1) => format!("{name} over ranks of 1 thread"),
            Some(threads) => format!("{name} over ranks of {threads} threads"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Purpose, Stream};

    /// A standard normal number, as the sum of twelve uniform ones.
    fn normal(stream: &mut Stream) -> f64 {
        let uniform = |_| f64::from(stream.below(1 << 24)) / f64::from(1 << 24);
        (0..12).map(uniform).sum::<f64>() - 6.0
    }

    #[test]
    fn intervals_hold_planted_constants_as_often_as_they_say() {
        let planted = LawFit {
            law: Law::Usl,
            rate: 5_000.0,
            sigma: 0.04,
            kappa: 4e-4,
        };
        let (threads, rounds, draws) = ([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0], 20, 1_000);
        let mut held = [0, 0];
        for draw in 0..draws {
            let mut stream = Stream::new(11, Purpose::Synthetic, draw, 0);
            let rates = threads.map(|n| -> Vec<f64> {
                let noisy = |_| planted.throughput(n) * (1.0 + 0.02 * normal(&mut stream));
                (0..rounds).map(noisy).collect()
            });
            let points = |rounds: &[u32]| -> Vec<(f64, f64)> {
                let medians = rates.iter().map(|rates| median_of(rates, rounds));
                threads.into_iter().zip(medians).collect()
            };
            let bootstrap = Bootstrap::new(rounds, 300, u64::from(draw));
            let estimate = |of: &dyn Fn(&LawFit) -> f64| {
                bootstrap.estimate(|rounds| of(&Law::Usl.fit(&points(rounds)).unwrap()))
            };
            held[0] += u32::from(estimate(&|fit| fit.sigma).contains(planted.sigma));
            held[1] += u32::from(estimate(&|fit| fit.kappa).contains(planted.kappa));
        }
        for held in held {
            assert!((920..=980).contains(&held), "{held} of {draws}");
        }
    }
}
