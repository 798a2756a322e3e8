//! Engine construction: plan, channels, workers; and parameters and optimiser state in and out.

use std::ops::Range;
use std::thread;

use crossbeam::utils::CachePadded;

use super::affinity::Placement;
use super::all_reduce::adders::Adders;
use super::all_reduce::plan::{Capacity, Plan, PlanSpec};
use super::config::EngineConfig;
use super::coordinator_state::CoordinatorState;
use super::error::EngineError;
use super::links::{WorkerLinks, connect};
use super::params::Params;
use super::ranks::Ranks;
use super::ranks::group::Group;
use super::replica::Replica;
use super::roles::Roles;
use super::segment::Segment;
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
    pub(crate) roles: Roles,
    pub(crate) adders: Adders,
    pub(crate) cuts: Vec<Range<usize>>,
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
        let buffers = update.num_state_buffers();
        let roles = Roles::of(&config, params.len(), buffers)?;
        let (group, places) = (&roles.group, &roles.places);
        let num_workers = group.num_workers();
        let spec = PlanSpec {
            group,
            assignment: &roles.assignment,
            places,
            update: config.update,
        };
        let adders = Adders::of(&*config.all_reduce, num_workers, places)?;
        let plan = Plan::new(&adders, spec);
        let replicas: Vec<R> = (0..num_workers).map(replica).collect();
        check_sizes(&replicas, params.len())?;
        // The channels, and the two sides of them: coordinator and workers.
        let hub = roles.ranks.as_ref().map(Ranks::shared_hub);
        let (to_workers, links) = connect(&plan, &Capacity::new(&adders, spec), hub);
        let parts = update.num_parts();
        let mut coordinator = CoordinatorState::new(to_workers, group, places, &plan, parts);
        let is_stateful = replicas.iter().any(Replica::is_stateful);
        coordinator
            .scheduler
            .balance(is_stateful, &config, &roles.placement);
        let parts = links.into_iter().zip(replicas).collect();
        let build = Building {
            plan: &plan,
            group,
            placement: &roles.placement,
            params,
            num_state_buffers: buffers,
        };
        let workers = build_workers(build, parts)?;
        let pool = pool(config.update, num_workers)?;
        Ok(Self {
            config,
            adders,
            cuts: plan.cuts,
            roles,
            update,
            workers,
            coordinator,
            pool,
            broken: None,
        })
    }
}

/// The pool of the update by the master.
fn pool(mode: UpdateMode, threads: usize) -> Result<Option<rayon::ThreadPool>, EngineError> {
    if mode == UpdateMode::Fused {
        return Ok(None);
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|error| EngineError::Pool {
        reason: error.to_string(),
    });
    pool.map(Some)
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
