//! Network bench: the all-reduce between ranks, as a step makes it, beside MPI's own.
//!
//! # Method
//! An engine with one worker a rank and one shard a worker makes the communication of a step: the
//! gradient's segments go to their owners and are added in the order of the tree, the owners copy the
//! sums into their segments of the parameters, and these go to all ranks. What a training has between
//! the two, reports and a decision, is left out. `MPI_Allreduce` adds the same values in turn, in
//! memory of the same kind that was as freshly written. Before each of the two all ranks wait for each
//! other, and a time is that of the last rank.
//!
//! # Invariants
//! 1. All ranks make the same rounds: how many follows from times that they have exchanged.

use std::time::{Duration, Instant};

use super::affinity::Threads;
use super::batch::{Batch, Shard};
use super::build::Engine;
use super::config::{Balance, EngineConfig, Shards};
use super::coordinator::{Session, guarded};
use super::error::EngineError;
use super::mailbox::Aborted;
use super::message::Decision;
use super::ranks::Ranks;
use super::ranks::peers::Addition;
use super::replica::Replica;
use super::sums::Sums;
use super::update::{Update, UpdateBlock};
use crate::memory::{Buffer, floats, floats_mut, zeros};

/// Time that the rounds of a size take, unless the fewest take longer.
const BUDGET_MS: f64 = 2000.0;

/// The fewest rounds of a size, unless fewer are asked for.
const FEWEST: usize = 9;

/// After a round that takes longer there is no larger size: it would take four times as long, and
/// this rank gives no sign of life while MPI adds.
const LONGEST_MS: f64 = 1000.0;

/// A comparison of the all-reduce between ranks with the one of their MPI library.
///
/// ```
/// use unisono::engine::{NetworkBench, Ranks};
/// std::thread::scope(|scope| {
///     for ranks in Ranks::in_process(2) {
///         scope.spawn(|| {
///             let bench = NetworkBench { ranks, sizes: vec![4096], rounds: 2 };
///             let rows = bench.run().unwrap();
///             // Within one process there is no MPI to compare with.
///             assert_eq!((rows[0].ms.len(), rows[0].mpi_ms.len()), (2, 0));
///         });
///     }
/// });
/// ```
#[derive(Clone, Debug)]
pub struct NetworkBench {
    /// The ranks, each of which runs the same.
    pub ranks: Ranks,
    /// Bytes of the values that are added, in ascending order; of each a multiple of 4 is used.
    pub sizes: Vec<usize>,
    /// The most rounds of a size. Of more than 9 as many are made as two seconds have room for.
    pub rounds: usize,
}

/// What was measured of a size; the same on all ranks.
///
/// Example: [`NetworkBench`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct NetworkRow {
    /// Bytes of the values, 4 a value.
    pub bytes: usize,
    /// Each round's all-reduce as a step makes it, in milliseconds.
    pub ms: Vec<f64>,
    /// Each round's `MPI_Allreduce`; none within one process, and of a group.
    pub mpi_ms: Vec<f64>,
    /// Sums with other bits than those of `MPI_Allreduce`, which adds in another order.
    pub differing: usize,
}

impl NetworkBench {
    /// 4 KiB to 64 MiB by factors of 4, and a million values.
    pub const SIZES: &[usize] = &[
        4 << 10,
        16 << 10,
        64 << 10,
        256 << 10,
        1 << 20,
        4_000_000,
        4 << 20,
        16 << 20,
        64 << 20,
    ];

    /// Measures size after size, up to one whose rounds take longer than a second.
    ///
    /// # Errors
    /// [`EngineError::ReplicaDiffers`] if the sums are not the same on all ranks,
    /// [`EngineError::SumDiffers`] if MPI's are others; [`EngineError::RanksDiffer`], and
    /// [`EngineError::Broken`] if a rank is lost.
    pub fn run(&self) -> Result<Vec<NetworkRow>, EngineError> {
        self.ranks.compare(&[
            ("sizes of messages of", format!("{:?}", self.sizes)),
            ("a number of rounds of", self.rounds.to_string()),
        ])?;
        let mut rows: Vec<NetworkRow> = Vec::new();
        for &bytes in &self.sizes {
            if rows.last().is_none_or(|row| row.round_ms() < LONGEST_MS) {
                rows.push(self.measure(bytes)?);
            }
        }
        Ok(rows)
    }

    fn measure(&self, bytes: usize) -> Result<NetworkRow, EngineError> {
        // What this rank adds, an engine that does nothing else, and memory for MPI.
        let len = bytes / size_of::<f32>();
        let values: Vec<f32> = (0..len).map(|at| value(self.ranks.rank(), at)).collect();
        let mut engine = engine(&self.ranks, &values)?;
        let mut mpi = MpiAllReduce::new(&self.ranks, len);
        let measured = engine.run(|session| {
            // Who is first changes from round to round.
            let mut round = |round: usize| {
                let is_second = round % 2 == 1;
                let before = if is_second { mpi.time(&values)? } else { None };
                let ours = session.communicate(&self.ranks, round as u64)?;
                let after = if is_second { None } else { mpi.time(&values)? };
                Ok::<_, EngineError>((ours, before.or(after)))
            };
            // One to warm up, which tells how many there is time for.
            let warm = self.row(bytes, vec![round(0)?])?;
            let room = (BUDGET_MS / warm.round_ms()) as usize;
            let rounds = 0..self.rounds.min(room.max(FEWEST));
            let times = rounds.map(round).collect::<Result<Vec<_>, _>>()?;
            session.compare_replicas(times.len() as u64)?;
            Ok::<_, EngineError>((self.row(bytes, times)?, session.params().to_vec()))
        })?;
        let (mut row, ours) = measured?;
        if let Some(Addition { sums, .. }) = &mpi.memory {
            row.differing = differing(&ours, floats(sums), self.ranks.num_ranks())?;
        }
        Ok(row)
    }

    /// The rounds of all ranks, of which `own` are this one's.
    fn row(
        &self,
        bytes: usize,
        own: Vec<(Duration, Option<Duration>)>,
    ) -> Result<NetworkRow, EngineError> {
        Ok(NetworkRow {
            bytes,
            ms: self.last_ms(own.iter().map(|(ours, _)| *ours))?,
            mpi_ms: self.last_ms(own.iter().filter_map(|(_, mpi)| *mpi))?,
            differing: 0,
        })
    }

    /// The milliseconds of the last rank in each round.
    fn last_ms(&self, own: impl Iterator<Item = Duration>) -> Result<Vec<f64>, EngineError> {
        let own = own.map(|time| time.as_secs_f64() * 1e3);
        let own: Vec<u8> = own.flat_map(f64::to_le_bytes).collect();
        let mut last = vec![0.0; own.len() / size_of::<f64>()];
        for bytes in self.ranks.gather(&own)? {
            let (times, _) = bytes.as_chunks();
            for (last, &time) in last.iter_mut().zip(times) {
                *last = f64::max(*last, f64::from_le_bytes(time));
            }
        }
        Ok(last)
    }
}

impl NetworkRow {
    /// The longest round, of both.
    fn round_ms(&self) -> f64 {
        let longest = |times: &[f64]| times.iter().copied().fold(0.0, f64::max);
        longest(&self.ms) + longest(&self.mpi_ms)
    }
}

impl<R: Replica, U: Update<Scalars = ()>> Session<'_, R, U> {
    /// The communication of a step; how long it took, from the end of all ranks' passes on.
    fn communicate(&mut self, ranks: &Ranks, round: u64) -> Result<Duration, EngineError> {
        let shared = self.shared;
        let batch = Batch::whole((0..ranks.num_ranks() as u32).collect(), round);
        let passed = guarded(shared, || {
            self.worker.gather_buffers(None, shared)?;
            self.worker.compute(&batch, shared);
            Ok(())
        });
        passed.map_err(|Aborted| self.broken())?;
        ranks.gather(&[])?;
        let began = Instant::now();
        let made = guarded(shared, || {
            // As `Session::step`, whose decision is known here.
            self.worker.all_reduce(&batch, shared)?;
            self.worker.send_report();
            self.coordinator.collect_reports(shared)?;
            self.coordinator.scatter_params(shared);
            self.coordinator.reply_all(&Decision::Apply(()));
            let decision = self.worker.await_reply(shared)?;
            self.worker.update(&decision, shared);
            self.broadcast_params()
        });
        let took = began.elapsed();
        made.map_err(|Aborted| self.broken())?;
        Ok(took)
    }
}

/// An engine that adds the values of all ranks.
fn engine<'v>(
    ranks: &Ranks,
    values: &'v [f32],
) -> Result<Engine<Values<'v>, TakeSums>, EngineError> {
    let config = EngineConfig {
        threads: Threads::Fixed(1),
        shards: Shards::Fixed(ranks.num_ranks()),
        balance: Balance::Even,
        ranks: Some(ranks.clone()),
        ..EngineConfig::default()
    };
    let zeros = Buffer::zeros(values.len());
    Engine::new(config, &zeros, TakeSums, |_| Values(values))
}

/// A replica that has computed its gradient before.
struct Values<'v>(&'v [f32]);

impl Replica for Values<'_> {
    fn num_params(&self) -> usize {
        self.0.len()
    }

    fn add_loss_and_grad(&mut self, _: &[f32], _: &Shard<'_>, grad: &mut [f32]) -> Sums {
        grad.copy_from_slice(self.0);
        Sums::default()
    }

    fn evaluate(&mut self, _: &[f32], _: &Shard<'_>) -> Sums {
        Sums::default()
    }
}

/// The sums become the parameters.
struct TakeSums;

impl Update for TakeSums {
    type Scalars = ();

    fn num_state_buffers(&self) -> usize {
        0
    }

    fn apply(&self, _: &(), block: UpdateBlock<'_>) {
        block.params.copy_from_slice(block.grad);
    }
}

/// Value `at` of a rank, from -0.5 to 0.5 and by no means exact to add.
fn value(rank: usize, at: usize) -> f32 {
    ((rank as u64 * 7919 + at as u64 * 104_729) % 2003) as f32 / 2003.0 - 0.5
}

/// `MPI_Allreduce`, and its memory; none where there is no MPI.
struct MpiAllReduce<'a> {
    ranks: &'a Ranks,
    memory: Option<Addition>,
}

impl<'a> MpiAllReduce<'a> {
    fn new(ranks: &'a Ranks, len: usize) -> Self {
        let (values, sums) = (zeros(len), zeros(len));
        let memory = Some(Addition { values, sums });
        Self { ranks, memory }
    }

    /// How long it takes to add `values`, which are written before.
    fn time(&mut self, values: &[f32]) -> Result<Option<Duration>, EngineError> {
        let Some(mut memory) = self.memory.take() else {
            return Ok(None);
        };
        floats_mut(&mut memory.values).copy_from_slice(values);
        self.ranks.gather(&[])?;
        let began = Instant::now();
        let added = self.ranks.hub().all_reduce(memory);
        let took = began.elapsed();
        self.memory = added.map_err(|error| EngineError::Broken {
            reason: error.to_string(),
        })?;
        Ok(self.memory.is_some().then_some(took))
    }
}

/// How many sums of this number of values have other bits in `theirs`.
///
/// # Errors
/// [`EngineError::SumDiffers`] for one that rounding does not explain.
fn differing(ours: &[f32], theirs: &[f32], num_ranks: usize) -> Result<usize, EngineError> {
    // In either order each of the additions rounds by half an epsilon of all magnitudes' sum at most.
    let most = (num_ranks * num_ranks) as f32 * f32::EPSILON;
    let pairs = || ours.iter().zip(theirs);
    let is_near = |(ours, theirs): (&f32, &f32)| (ours - theirs).abs() <= most;
    match pairs().position(|pair| !is_near(pair)) {
        None => Ok(pairs().filter(|(a, b)| a.to_bits() != b.to_bits()).count()),
        Some(at) => Err(EngineError::SumDiffers {
            at,
            expected: ours[at],
            got: theirs[at],
        }),
    }
}

#[cfg(test)]
mod tests;
