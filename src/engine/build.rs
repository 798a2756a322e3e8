//! Brings an engine up: plan, channels, workers; and moves parameters and optimiser state in and out.

use std::ops::Range;
use std::thread;

use crossbeam::utils::CachePadded;

use super::affinity::{Pinning, Placement, Threads};
use super::all_reduce::adders::Adders;
use super::all_reduce::plan::{Capacity, Plan, PlanSpec};
use super::all_reduce::{AllReduce, Segmented};
use super::assignment::{Assignment, ShardDesk};
use super::balance::Balance;
use super::desk::{Channels, SegmentBlocks};
use super::error::{EngineError, at_most};
use super::factors::Exchange;
use super::mailbox::mailbox;
use super::meeting::Ring;
use super::message::Links;
use super::owned::OwnedSegment;
use super::params::Params;
use super::replica::Replica;
use super::segment::Segment;
use super::update::{BLOCK, Track, Update, UpdateMode};
use super::worker::Worker;

/// Shards that an engine is planned for: of more the plan alone would take long.
const MOST_SHARDS: usize = 65_536;

/// Into how many shards a batch is cut.
///
/// ```
/// use unisono::{Trainer, data::digits, engine::Shards, nn::{Loss, Sequential}};
/// let (train, test) = digits();
/// let trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy);
/// let report = trainer.epochs(0).threads(2).shards(Shards::PerWorker).fit(&train, &test)?;
/// assert_eq!(report.setup.shards, 2);
/// # Ok::<(), unisono::TrainError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shards {
    /// A number, at least 1, that belongs to the configuration: the trained bits do not depend on the number of threads.
    Fixed(usize),
    /// One shard a worker: the classical way, **not** the same bits for another number of threads.
    PerWorker,
}

/// How an engine is built.
///
/// ```
/// use unisono::engine::{EngineConfig, Shards, Threads, UpdateMode, all_reduce::Tree};
/// let config = EngineConfig { threads: Threads::Fixed(2), all_reduce: &Tree, ..EngineConfig::default() };
/// assert_eq!((config.shards, config.update), (Shards::Fixed(16), UpdateMode::Fused));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct EngineConfig {
    /// Worker threads.
    pub threads: Threads,
    /// Whether workers are pinned.
    pub pinning: Pinning,
    /// Shards of a batch.
    pub shards: Shards,
    /// Who adds what.
    pub all_reduce: &'static dyn AllReduce,
    /// Who executes the update.
    pub update: UpdateMode,
    /// What is measured of the shards' gradients.
    pub track: Track,
    /// Whether faster workers get more shards.
    pub balance: Balance,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            threads: Threads::Auto,
            pinning: Pinning::Auto,
            shards: Shards::Fixed(16),
            all_reduce: &Segmented,
            update: UpdateMode::Fused,
            track: Track::Nothing,
            balance: Balance::Measured,
        }
    }
}

/// Pinned workers, each with a replica, that train in step.
///
/// ```
/// # use unisono::{data::digits, engine::{Batch, Engine, EngineConfig}, optim::Optimizer, train::{ChainUpdate, Sources}};
/// # use unisono::nn::{Loss, NetworkReplica, ReplicaSettings, Sequential, kernel::Isa};
/// let (train, test) = digits();
/// let model = Sequential::new(64).dense(10);
/// let settings = ReplicaSettings { loss: Loss::SoftmaxCrossEntropy, isa: Isa::detect(), seed: 42 };
/// let replica = |_| NetworkReplica::new(&model, settings.clone(), Sources([&train, &test])).unwrap();
/// let update = ChainUpdate::new(&Optimizer::sgd(0.1), 650)?;
/// let mut engine = Engine::new(EngineConfig::default(), &[0.0; 650], update, replica)?;
/// let sums = engine.run(|session| session.evaluate(&Batch::whole((0..100).collect(), 0)))??;
/// assert!((sums.mean_loss() - 10_f64.ln()).abs() < 1e-6);
/// # Ok::<(), unisono::TrainError>(())
/// ```
#[derive(Debug)]
pub struct Engine<R: Replica, U: Update> {
    pub(crate) config: EngineConfig,
    pub(crate) placement: Placement,
    pub(crate) adders: Adders,
    pub(crate) num_shards: usize,
    pub(crate) cuts: Vec<Range<usize>>,
    pub(crate) update: U,
    /// Padded: what a worker writes shares no cache line with its neighbour.
    pub(crate) workers: Vec<CachePadded<Worker<R, U>>>,
    pub(crate) channels: Channels<U::Scalars>,
    pub(crate) pool: Option<rayon::ThreadPool>,
    pub(crate) broken: Option<String>,
}

impl<R: Replica, U: Update> Engine<R, U> {
    /// An engine that starts from `params`, with one replica a worker from `replica(worker)`.
    ///
    /// # Errors
    /// [`EngineError`]: settings that mean nothing, a replica of another size, an odd all-reduce, a thread or a pool that is refused.
    pub fn new(
        config: EngineConfig,
        params: &[f32],
        update: U,
        replica: impl FnMut(usize) -> R,
    ) -> Result<Self, EngineError> {
        let placement = Placement::of_process(config.threads, config.pinning)?;
        let num_workers = placement.num_threads;
        let num_shards = match config.shards {
            Shards::Fixed(0) => return Err(EngineError::NoShards),
            Shards::Fixed(n) => at_most("shards", n, MOST_SHARDS)?,
            Shards::PerWorker => num_workers,
        };
        let assignment = Assignment::even(num_shards, num_workers);
        let spec = PlanSpec {
            assignment: &assignment,
            num_params: params.len(),
            update: config.update,
        };
        let adders = Adders::of(config.all_reduce, num_workers)?;
        let plan = Plan::new(&adders, spec);
        let replicas: Vec<R> = (0..num_workers).map(replica).collect();
        check_sizes(&replicas, params.len())?;
        let capacity = Capacity::new(&adders, spec);
        let (mut channels, links) = channels((&plan, &capacity), update.num_parts());
        let carries_rows = replicas.iter().any(Replica::carries_rows);
        let shards = &mut channels.shards;
        shards.balance(carries_rows, (&config, &placement));
        let parts = links.into_iter().zip(replicas).collect();
        let workers = build_workers((&plan, &placement), (params, &update), parts)?;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(num_workers);
        let pool = match config.update {
            UpdateMode::Master => Some(pool.build()?),
            UpdateMode::Fused => None,
        };
        let cuts = plan.cuts;
        Ok(Self {
            config,
            placement,
            adders,
            num_shards,
            cuts,
            update,
            workers,
            channels,
            pool,
            broken: None,
        })
    }

    /// The threads, cores and waiting that were decided on.
    pub fn placement(&self) -> &Placement {
        &self.placement
    }

    /// Shards of a batch.
    pub fn num_shards(&self) -> usize {
        self.num_shards
    }

    /// State values that the optimiser keeps for each parameter.
    pub fn num_state_buffers(&self) -> usize {
        self.update.num_state_buffers()
    }

    /// What the user should know about idle workers: more threads than shards.
    pub fn warning(&self) -> Option<String> {
        let (threads, shards) = (self.workers.len(), self.num_shards);
        (threads > shards).then(|| {
            format!(
                "{} of {threads} threads have no shard to work on: use --shards {threads} or more, or fewer threads",
                threads - shards
            )
        })
    }

    /// Whether a worker died outside the guarded part of a step: parameters and state are then of no use, and further runs are refused.
    pub fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// A copy of the parameters; empty once the engine is broken in the midst of an update.
    pub fn params(&self) -> Vec<f32> {
        self.workers[0].params.as_slice().to_vec()
    }

    /// A copy of the optimiser's state: one vector, as long as the parameters, for each state buffer.
    pub fn state(&self) -> Vec<Vec<f32>> {
        let buffers = self.update.num_state_buffers();
        let copy = |which| {
            self.collect(|segment: &OwnedSegment, flat: &mut [f32]| {
                let values = segment.state_buffer(which, buffers);
                flat.iter_mut()
                    .zip(values)
                    .for_each(|(to, from)| *to = from);
            })
        };
        (0..buffers).map(copy).collect()
    }

    /// Takes over the optimiser's state, as [`Engine::state`] gave it.
    ///
    /// # Errors
    /// [`EngineError::Length`] if there are more or fewer buffers, or values in one.
    pub fn set_state(&mut self, state: &[Vec<f32>]) -> Result<(), EngineError> {
        let buffers = self.update.num_state_buffers();
        let check = |name, expected, got| {
            if expected == got {
                Ok(())
            } else {
                Err(EngineError::Length {
                    name,
                    expected,
                    got,
                })
            }
        };
        check("the list of state buffers", buffers, state.len())?;
        let num_params = self.cuts.last().map_or(0, |cut| cut.end);
        for values in state {
            check("a state buffer", num_params, values.len())?;
        }
        for segment in self.workers.iter_mut().flat_map(|worker| &mut worker.owned) {
            for (which, values) in state.iter().enumerate() {
                segment.set_state_buffer(which, buffers, values);
            }
        }
        Ok(())
    }

    fn collect(&self, copy: impl Fn(&OwnedSegment, &mut [f32])) -> Vec<f32> {
        let mut flat = vec![0.0; self.cuts.last().map_or(0, |cut| cut.end)];
        for segment in self.workers.iter().flat_map(|worker| &worker.owned) {
            copy(segment, &mut flat[segment.cut.clone()]);
        }
        flat
    }
}

/// Whether every replica has so many parameters.
fn check_sizes<R: Replica>(replicas: &[R], expected: usize) -> Result<(), EngineError> {
    let mut sizes = replicas.iter().map(R::num_params).enumerate();
    match sizes.find(|(_, got)| *got != expected) {
        None => Ok(()),
        Some((worker, got)) => Err(EngineError::ReplicaSize {
            worker,
            expected,
            got,
        }),
    }
}

/// Each segment that someone owns, in order.
fn segments(plan: &Plan) -> Vec<SegmentBlocks> {
    let owner_of = |segment: usize| plan.workers.iter().position(|w| w.owned.contains(&segment));
    let of = |(segment, cut): (usize, &Range<usize>)| {
        Some(SegmentBlocks {
            index: segment,
            owner: owner_of(segment)?,
            blocks: cut.len().div_ceil(BLOCK),
            end: cut.end,
        })
    };
    plan.cuts.iter().enumerate().filter_map(of).collect()
}

/// All channels, each as large as the messages of one step.
fn channels<S>(
    (plan, capacity): (&Plan, &Capacity),
    num_parts: usize,
) -> (Channels<S>, Vec<Links<S>>) {
    let n = plan.workers.len();
    let segments = plan.cuts.len();
    let inputs = capacity.inputs.iter();
    let (to_grads, grads): (Vec<_>, Vec<_>) = inputs.map(|&inputs| mailbox(inputs)).unzip();
    let homes = (0..n).map(|_| mailbox(capacity.returns));
    let (to_homes, homes): (Vec<_>, Vec<_>) = homes.unzip();
    let (to_params, params): (Vec<_>, Vec<_>) = (0..n).map(|_| mailbox(1)).unzip();
    let (to_updated, updated) = mailbox(segments);
    // A round's values, the next one's first, and failures.
    let (mut to_ring, ring): (Vec<_>, Vec<_>) = (0..n).map(|_| mailbox(2 * n + 2)).unzip();
    to_ring.rotate_left(1);
    let (mut commands, command_boxes): (Vec<_>, Vec<_>) = (0..n).map(|_| mailbox(2)).unzip();
    let (verdicts, verdict_boxes): (Vec<_>, Vec<_>) = (0..n).map(|_| mailbox(1)).unzip();
    let (reports, inbox) = mailbox(n);
    commands.remove(0);
    let places = (0..n).map(|_| None).collect();
    let channels = Channels {
        commands,
        inbox,
        verdicts,
        updated,
        params: to_params,
        pieces: (0..segments).map(|_| None).collect(),
        reports: places,
        segments: self::segments(plan),
        shards: ShardDesk::new(plan.assignment.clone()),
        cursors: vec![0; n],
        factors: Vec::new(),
        part_squares: Vec::new(),
        part_norms: vec![0.0; num_parts],
    };
    let boxes = command_boxes
        .into_iter()
        .zip(grads)
        .zip(homes)
        .zip(verdict_boxes)
        .zip(params)
        .zip(to_ring.into_iter().zip(ring))
        .zip(exchanges(n));
    let links = boxes.map(
        |((((((commands, grads), homes), verdicts), params), ring), exchange)| Links {
            commands,
            gradients: (to_grads.clone(), grads),
            returns: (to_homes.clone(), homes),
            reports: reports.clone(),
            verdicts,
            updated: to_updated.clone(),
            params,
            ring: Ring::new(ring.0, ring.1),
            exchange,
        },
    );
    (channels, links.collect())
}

/// Each worker's part in the exchange of factors.
fn exchanges(num_workers: usize) -> impl Iterator<Item = Exchange> {
    let (to, from): (Vec<_>, Vec<_>) = (0..num_workers).map(|_| mailbox(num_workers)).unzip();
    from.into_iter()
        .map(move |from| Exchange::new(to.clone(), from))
}

/// Builds every worker on a thread of its own, pinned as it will run.
///
/// # Why this way
/// Memory is then allocated where it is used: by first touch on the worker's own NUMA node, and from an allocator
/// arena of its own, so that small buffers of different workers do not share cache lines.
fn build_workers<R: Replica, U: Update>(
    (plan, placement): (&Plan, &Placement),
    (params, update): (&[f32], &U),
    parts: Vec<(Links<U::Scalars>, R)>,
) -> Result<Vec<CachePadded<Worker<R, U>>>, EngineError> {
    let mut pieces: Vec<Option<Segment>> = Params::zeros(&plan.cuts);
    let mut workers = thread::scope(|scope| {
        let mut build = |(index, (links, replica)): (usize, _)| {
            let own = plan.workers[index].owned.iter();
            let own = own.filter_map(|&segment| pieces[segment].take());
            let own: Vec<_> = own.collect();
            let build = move || {
                placement.pin(index);
                let mut worker = Worker::new(index, plan, replica, links);
                worker.place((&plan.cuts, params), own, update.num_state_buffers());
                CachePadded::new(worker)
            };
            thread::Builder::new().spawn_scoped(scope, build)
        };
        let building: Vec<_> = parts.into_iter().enumerate().map(&mut build).collect();
        let built = building.into_iter().enumerate().map(|(worker, thread)| {
            let thread = thread.map_err(|source| EngineError::Spawn { worker, source })?;
            Ok(thread.join().expect("building a worker does not panic"))
        });
        built.collect::<Result<Vec<_>, EngineError>>()
    })?;
    for worker in &mut workers {
        let worker: &mut Worker<R, U> = worker;
        let segments = worker.owned.iter_mut().map(|own| &mut own.params);
        for (&index, segment) in worker.plan.owned.iter().zip(segments) {
            pieces[index] = Some(std::mem::take(segment));
        }
    }
    let params = Params::join(&mut pieces);
    let all = workers.iter_mut();
    all.for_each(|worker| worker.params = params.clone());
    Ok(workers)
}
