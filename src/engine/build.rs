//! Engine construction: plan, channels, workers; and parameters and optimiser state in and out.

use std::ops::Range;
use std::thread;

use crossbeam::utils::CachePadded;

use super::affinity::{Neighbours, Placement};
use super::all_reduce::adders::Adders;
use super::all_reduce::plan::{Capacity, Plan, PlanSpec};
use super::assignment::Assignment;
use super::config::EngineConfig;
use super::coordinator_state::CoordinatorState;
use super::error::EngineError;
use super::links::{WorkerLinks, connect};
use super::params::Params;
use super::ranks::group::{Group, SegmentPlace};
use super::ranks::{RankPlacement, Ranks};
use super::replica::Replica;
use super::segment::Segment;
use super::timing::PhaseTimes;
use super::update::{Update, UpdateMode};
use super::worker::Worker;

/// Pinned workers, each with a replica, that train in step.
///
/// ```
/// # use unisono::{data::digits, engine::{Batch, Engine, EngineConfig}, optim::Optimizer, train::{ChainUpdate, Sources}};
/// # use unisono::nn::{Loss, NetworkReplica, ReplicaSettings, Sequential, Isa};
/// let (train, test) = digits();
/// let model = Sequential::new(64).dense(10);
/// let settings = ReplicaSettings { loss: Loss::SoftmaxCrossEntropy.into(), isa: Isa::detect(), seed: 42 };
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
    pub(crate) places: Vec<SegmentPlace>,
    pub(crate) group: Group,
    pub(crate) table: Vec<RankPlacement>,
    pub(crate) ranks: Option<Ranks>,
    /// All other ranks.
    pub(crate) others: Vec<usize>,
    pub(crate) update: U,
    /// Padded: what a worker writes shares no cache line with its neighbour.
    pub(crate) workers: Vec<CachePadded<Worker<R, U>>>,
    pub(crate) coordinator: CoordinatorState<U::Scalars>,
    pub(crate) pool: Option<rayon::ThreadPool>,
    pub(crate) broken: Option<String>,
}

impl<R: Replica, U: Update> Engine<R, U> {
    /// An engine that starts from `params`, with one replica a worker from `replica(worker)`.
    ///
    /// # Errors
    /// [`EngineError`]: settings that make no sense, a replica of another size, an odd all-reduce,
    /// a thread or a pool that is refused.
    pub fn new(
        config: EngineConfig,
        params: &[f32],
        update: U,
        replica: impl FnMut(usize) -> R,
    ) -> Result<Self, EngineError> {
        // Who computes what, and who adds what.
        // One alone has nobody to meet.
        let ranks = config.ranks.clone().filter(|ranks| ranks.num_ranks() > 1);
        let neighbours = ranks
            .as_ref()
            .map_or(Ok(Neighbours::default()), Ranks::neighbours)?;
        let placement = Placement::among(config.threads, config.pinning, &neighbours)?;
        let num_workers = placement.num_threads;
        let buffers = update.num_state_buffers();
        let (group, table) = meet(&config, &placement, params.len(), buffers)?;
        let num_shards = config.shards.count(group.num_all_workers())?;
        if num_shards < group.num_ranks() {
            return Err(EngineError::FewShards {
                shards: num_shards,
                ranks: group.num_ranks(),
            });
        }
        let own = group.shards(num_shards, group.rank());
        let assignment = group.members(num_shards, &Assignment::even(own.len(), num_workers));
        let places = group.segments(params.len());
        let spec = PlanSpec {
            group: &group,
            assignment: &assignment,
            places: &places,
            update: config.update,
        };
        let adders = Adders::of(&*config.all_reduce, num_workers, &places)?;
        let plan = Plan::new(&adders, spec);
        let replicas: Vec<R> = (0..num_workers).map(replica).collect();
        check_sizes(&replicas, params.len())?;
        // The channels, and the two sides of them: coordinator and workers.
        let hub = ranks.as_ref().map(Ranks::shared_hub);
        let (to_workers, links) = connect(&plan, &Capacity::new(&adders, spec), hub);
        let parts = update.num_parts();
        let mut coordinator = CoordinatorState::new(to_workers, &group, &places, &plan, parts);
        let is_stateful = replicas.iter().any(Replica::is_stateful);
        coordinator
            .scheduler
            .balance(is_stateful, &config, &placement);
        let parts = links.into_iter().zip(replicas).collect();
        let build = Building {
            plan: &plan,
            group: &group,
            placement: &placement,
            params,
            num_state_buffers: buffers,
        };
        let workers = build_workers(build, parts)?;
        let pool = match config.update {
            UpdateMode::Master => {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(num_workers);
                Some(pool.build().map_err(|error| EngineError::Pool {
                    reason: error.to_string(),
                })?)
            }
            UpdateMode::Fused => None,
        };
        Ok(Self {
            config,
            placement,
            adders,
            num_shards,
            cuts: plan.cuts,
            places,
            others: group.others().collect(),
            group,
            table,
            ranks,
            update,
            workers,
            coordinator,
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

    /// Who computes which shards, as of the last step.
    pub fn assignment(&self) -> &Assignment {
        &self.coordinator.scheduler.own.assignment
    }

    /// How many times, between two steps, shards have moved from one worker to another.
    pub fn moves(&self) -> usize {
        self.coordinator.scheduler.moves()
    }

    /// The time each worker has spent in each phase.
    pub fn phase_times(&self) -> Vec<PhaseTimes> {
        self.workers
            .iter()
            .map(|worker| worker.watch.times())
            .collect()
    }

    /// What the user should know about idle workers: more threads than shards.
    pub fn warning(&self) -> Option<String> {
        let (threads, shards) = (self.group.num_all_workers(), self.num_shards);
        (threads > shards).then(|| {
            format!(
                "{} of {threads} threads have no shard to work on: use {threads} shards or more, or fewer threads",
                threads - shards
            )
        })
    }

    /// Whether a worker died outside the guarded part of a step: parameters and state are then of
    /// no use, and further runs are refused.
    pub fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// A copy of the parameters; empty once the engine is broken in the middle of an update.
    pub fn params(&self) -> Vec<f32> {
        self.workers[0].params.as_slice().to_vec()
    }

    /// A copy of the optimiser's state: one vector, as long as the parameters, for each state
    /// buffer. Of several ranks all must call it: each has a part.
    ///
    /// # Errors
    /// [`EngineError::Broken`] if another rank is lost.
    pub fn state(&self) -> Result<Vec<Vec<f32>>, EngineError> {
        let buffers = self.update.num_state_buffers();
        let num_params = self.cuts.last().map_or(0, |cut| cut.end);
        let mut state = vec![vec![0.0; num_params]; buffers];
        for segment in self.workers.iter().flat_map(|worker| &worker.owned) {
            for (which, flat) in state.iter_mut().enumerate() {
                let values = segment.state_buffer(which, buffers);
                let to = flat[segment.cut.clone()].iter_mut();
                to.zip(values).for_each(|(to, from)| *to = from);
            }
        }
        if let Some(ranks) = &self.ranks {
            for flat in &mut state {
                gather_segments(ranks, &self.places, flat)?;
            }
        }
        Ok(state)
    }

    /// Each rank's host, threads and cores; none for a process alone.
    pub fn rank_placements(&self) -> &[RankPlacement] {
        &self.table
    }

    /// The rank of this process, and how many train together; 0 and 1 for a process alone.
    pub fn ranks(&self) -> (usize, usize) {
        (self.group.rank(), self.group.num_ranks())
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
}

/// Fills `flat` with the segments of all ranks, of which each has its own.
fn gather_segments(
    ranks: &Ranks,
    places: &[SegmentPlace],
    flat: &mut [f32],
) -> Result<(), EngineError> {
    let of_rank = |rank| places.iter().filter(move |place| place.rank == rank);
    let own: Vec<f32> = of_rank(ranks.rank())
        .flat_map(|place| &flat[place.cut.clone()])
        .copied()
        .collect();
    let all = ranks.gather(bytemuck::cast_slice(&own))?;
    for (rank, bytes) in all.iter().enumerate() {
        let (chunks, _) = bytes.as_chunks();
        let mut values = chunks.iter().map(|&chunk| f32::from_ne_bytes(chunk));
        for to in of_rank(rank).flat_map(|place| place.cut.clone()) {
            flat[to] = values.next().unwrap_or(f32::NAN);
        }
    }
    Ok(())
}

/// The group of this process, and where its ranks are, once it has met the others: they must build
/// the same engine.
fn meet(
    config: &EngineConfig,
    placement: &Placement,
    num_params: usize,
    num_state_buffers: usize,
) -> Result<(Group, Vec<RankPlacement>), EngineError> {
    let ranks = config.ranks.as_ref();
    let Some(ranks) = ranks.filter(|ranks| ranks.num_ranks() > 1) else {
        return Ok((Group::alone(placement.num_threads), Vec::new()));
    };
    let version = env!("CARGO_PKG_VERSION").to_owned();
    ranks.compare(&[
        ("the version of unisono", version),
        ("a number of parameters of", num_params.to_string()),
        (
            "a number of state buffers of",
            num_state_buffers.to_string(),
        ),
        ("shards of a batch as", format!("{:?}", config.shards)),
        ("tracking of", format!("{:?}", config.track)),
    ])?;
    let table = ranks.placements(placement)?;
    let workers = table.iter().map(|rank| rank.threads);
    Ok((Group::new(ranks.rank(), workers.collect()), table))
}

/// Checks that every replica has `expected` parameters.
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

/// What all workers are built from.
#[derive(Clone, Copy)]
struct Building<'a> {
    plan: &'a Plan,
    group: &'a Group,
    placement: &'a Placement,
    params: &'a [f32],
    num_state_buffers: usize,
}

/// Builds every worker on a thread of its own, pinned as it will run.
///
/// # Why this way
/// Memory is then allocated where it is used: by first touch on the worker's own NUMA node, and
/// from an allocator arena of its own, so that small buffers of different workers do not share
/// cache lines.
fn build_workers<R: Replica, U: Update>(
    building: Building<'_>,
    parts: Vec<(WorkerLinks<U::Scalars>, R)>,
) -> Result<Vec<CachePadded<Worker<R, U>>>, EngineError> {
    let Building {
        plan,
        group,
        placement,
        params,
        num_state_buffers,
    } = building;
    let mut pieces: Vec<Option<Segment>> = Params::zeros(&plan.cuts);
    // Each owner writes the initial parameters of its own segments.
    let mut workers = thread::scope(|scope| {
        let mut building = Vec::new();
        for (index, (links, replica)) in parts.into_iter().enumerate() {
            let owned = plan.workers[group.member(index)].owned.iter();
            let segments: Vec<Segment> = owned
                .filter_map(|&segment| pieces[segment].take())
                .collect();
            let build = move || {
                placement.pin(index);
                let mut worker = Worker::new(index, group, plan, replica, links);
                worker.place(&plan.cuts, params, segments, num_state_buffers);
                CachePadded::new(worker)
            };
            building.push(thread::Builder::new().spawn_scoped(scope, build));
        }
        let built = building.into_iter().enumerate().map(|(worker, thread)| {
            let thread = thread.map_err(|source| EngineError::Spawn { worker, source })?;
            Ok(thread.join().expect("building a worker does not panic"))
        });
        built.collect::<Result<Vec<_>, EngineError>>()
    })?;
    // Those of other ranks are the same there.
    for (piece, cut) in pieces.iter_mut().zip(&plan.cuts) {
        if let Some(segment) = piece {
            segment.as_mut_slice().copy_from_slice(&params[cut.clone()]);
        }
    }
    // The segments are joined, and all workers read the whole.
    for worker in &mut workers {
        let worker: &mut Worker<R, U> = worker;
        let segments = worker.owned.iter_mut().map(|own| &mut own.params);
        for (&index, segment) in worker.plan.owned.iter().zip(segments) {
            pieces[index] = Some(std::mem::take(segment));
        }
    }
    let params = Params::join(&mut pieces);
    for worker in &mut workers {
        worker.params = params.clone();
    }
    Ok(workers)
}
