//! Hand-overs under stress: many short steps, on fewer cores than workers too, by workers that dawdle
//! where and when they like; what each of them reads must be what was written, at every step.
//!
//! A processor that reorders memory more than x86 (ARM) shows faults that no emulator does. On one:
//!
//! ```text
//! UNISONO_STRESS_STEPS=20000 cargo test --release --test it hand_overs
//! ```

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::support::on_ranks;
use unisono::engine::all_reduce::{ALL, AllReduce};
use unisono::engine::{
    BLOCK, Batch, Combination, Decision, Engine, EngineConfig, Fold, Ranks, Replica, Shard, Shards,
    StepShape, Sums, Threads, Update, UpdateBlock, UpdateMode,
};

/// Steps of each case, unless the environment says otherwise.
const STEPS: u64 = 30;

/// Gradients of these are made by their owners, where the engine leaves them to it.
const FACTORED: [Range<usize>; 1] = [MADE_BY_OWNERS];

const MADE_BY_OWNERS: Range<usize> = 0..2 * BLOCK;

/// All values are whole numbers below this, so no sum is rounded.
const MODULUS: u32 = 8191;

/// Waits for nothing, now and then, for a random while.
fn dawdle() {
    thread_local! {
        static RANDOM: Cell<u64> = Cell::new(RandomState::new().hash_one(0) | 1);
    }
    // Marsaglia's xorshift.
    let mut random = RANDOM.get();
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    RANDOM.set(random);
    match random % 64 {
        0 => std::thread::sleep(Duration::from_micros(random >> 32 & 63)),
        1..8 => std::thread::yield_now(),
        8..24 => (0..random >> 32 & 511).for_each(|_| std::hint::spin_loop()),
        _ => {}
    }
}

/// The part of a row in each element of the gradient.
fn of_row(row: u32, step: u64) -> u32 {
    (row + step as u32) % 31
}

/// The part of the element, once for each row.
fn of_element(at: usize) -> u32 {
    at as u32 % 13
}

/// What a worker tells of a shard when all meet.
fn told(shard: usize, step: u64, round: usize) -> f32 {
    (((shard * 7 + round) as u32 + step as u32 * 3) % MODULUS) as f32
}

/// Parameters and state, each step made of the one before it: what was wrong once is wrong for good.
#[derive(Clone)]
struct Values {
    params: Vec<f32>,
    state: Vec<f32>,
}

impl Values {
    fn start(len: usize) -> Self {
        let params = (0..len).map(|at| (at % 997) as f32).collect();
        let state = vec![0.0; len];
        Self { params, state }
    }

    /// The step after which they are those of the next one, in plain loops.
    fn advance(&mut self, rows: u32, step: u64) {
        let of_rows: u32 = (0..rows).map(|row| of_row(row, step)).sum();
        let grad = |at| (of_rows + rows * of_element(at)) as f32;
        let values = self.params.iter_mut().zip(&mut self.state).enumerate();
        values.for_each(|(at, (param, state))| update(param, state, grad(at)));
    }
}

fn update(param: &mut f32, state: &mut f32, grad: f32) {
    *state = ((*state + grad) as u32 % MODULUS) as f32;
    *param = ((*param as u32 * 5 + *state as u32) % MODULUS) as f32;
}

/// The update, by workers that dawdle.
struct Mixing;

impl Update for Mixing {
    type Scalars = ();

    fn num_state_buffers(&self) -> usize {
        1
    }

    fn apply(&self, (): &(), block: UpdateBlock<'_>) {
        dawdle();
        let values = block.params.iter_mut().zip(block.state).zip(block.grad);
        values.for_each(|((param, state), grad)| update(param, state, *grad));
    }
}

/// A replica that knows what it must read in each step.
struct Checker {
    expected: Values,
    rows: u32,
}

impl Replica for Checker {
    fn num_params(&self) -> usize {
        self.expected.params.len()
    }

    fn add_loss_and_grad(&mut self, _: &[f32], _: &Shard<'_>, _: &mut [f32]) -> Sums {
        unreachable!("it folds by itself")
    }

    fn evaluate(&mut self, _: &[f32], _: &Shard<'_>) -> Sums {
        Sums::default()
    }

    fn factored(&mut self, _: StepShape<'_>) -> &[Range<usize>] {
        &FACTORED
    }

    fn fold(&mut self, fold: &mut Fold<'_>) {
        let (step, shards) = (fold.batch().step, fold.shards());
        dawdle();
        assert!(fold.params() == self.expected.params, "params of {step}");
        self.expected.advance(self.rows, step);
        // All meet, twice.
        let mut all = Vec::new();
        for round in 0..2 {
            let own: Vec<f32> = shards.clone().map(|s| told(s, step, round)).collect();
            dawdle();
            fold.all_gather().all_gather(&own, 1, &mut all);
            let told = (0..all.len()).map(|shard| told(shard, step, round));
            assert!(told.eq(all.iter().copied()), "round {round} of {step}");
        }
        // Gradients, or what they are made of.
        let rows_of = |fold: &Fold<'_>, shards: Range<usize>| -> Vec<f32> {
            let rows = shards.flat_map(|shard| fold.shard(shard).rows);
            rows.map(|&row| of_row(row, step) as f32).collect()
        };
        fold.publish(&FACTORED[0], &[&rows_of(fold, shards.clone())]);
        for which in 0..fold.nodes().len() {
            let rows = rows_of(fold, fold.nodes()[which].clone());
            let (sum, count) = (rows.iter().sum::<f32>(), rows.len() as u32);
            dawdle();
            let grad = fold.grad(which).iter_mut().enumerate();
            grad.for_each(|(at, grad)| *grad = sum + (count * of_element(at)) as f32);
        }
        for shard in shards {
            let rows = fold.shard(shard).rows.len() as f64;
            let sums = Sums {
                loss: f64::from(told(shard, step, 2)),
                weight: rows,
                rows,
                ..Sums::default()
            };
            fold.set_sums(shard, sums);
        }
        dawdle();
    }

    fn combine(&mut self, part: &Combination<'_>, grad: &mut [f32]) {
        dawdle();
        let workers = 0..part.shape.workers();
        let sum: f32 = workers.flat_map(|worker| part.factors(worker)).sum();
        for (grad, at) in grad.iter_mut().zip(part.params.clone()) {
            *grad = sum + (self.rows * of_element(at)) as f32;
        }
    }
}

/// An engine, on this rank if there are several.
struct Case {
    threads: usize,
    /// Of all ranks.
    workers: usize,
    all_reduce: &'static dyn AllReduce,
    update: UpdateMode,
    ranks: Option<Ranks>,
}

/// All steps of a case.
fn run(case: Case, steps: u64) {
    let name = format!(
        "{} workers, {}, {:?}",
        case.workers,
        case.all_reduce.name(),
        case.update
    );
    // Each worker has shards, and parameters of its own.
    let (shards, len) = (2 * case.workers, (case.workers + 2) * BLOCK + 17);
    let rows = 2 * shards as u32 + 1;
    let config = EngineConfig {
        threads: Threads::Fixed(case.threads),
        shards: Shards::Fixed(shards),
        all_reduce: Arc::new(case.all_reduce),
        update: case.update,
        ranks: case.ranks,
        ..EngineConfig::default()
    };
    let mut expected = Values::start(len);
    let checker = |_| Checker {
        expected: Values::start(len),
        rows,
    };
    let mut engine = Engine::new(config, &expected.params, Mixing, checker).unwrap();
    let order: Arc<[u32]> = (0..rows).collect();
    let all_steps = engine.run(|session| {
        for step in 0..steps {
            let batch = Batch::whole(Arc::clone(&order), step);
            let decide = |_: &_| {
                dawdle();
                Decision::Apply(())
            };
            let reduced = session.step(&batch, decide);
            let reduced = reduced.unwrap_or_else(|error| panic!("{name}: {error}"));
            let losses = (0..shards).map(|shard| f64::from(told(shard, step, 2)));
            assert_eq!(reduced.sums.loss, losses.sum::<f64>(), "{name}, {step}");
            expected.advance(rows, step);
        }
    });
    all_steps.unwrap();
    assert!(engine.params() == expected.params, "{name}");
    assert!(engine.state().unwrap() == [expected.state], "{name}");
}

/// As many steps as the environment says.
fn steps() -> u64 {
    match std::env::var("UNISONO_STRESS_STEPS") {
        Err(_) => STEPS,
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("UNISONO_STRESS_STEPS must be a number, got {text}")),
    }
}

#[test]
fn workers_that_dawdle_read_what_was_written_at_every_step() {
    let cores = std::thread::available_parallelism().unwrap().get();
    for threads in [2, cores.max(3), 2 * cores + 1] {
        for all_reduce in ALL {
            for update in UpdateMode::ALL.iter().copied() {
                let case = Case {
                    threads,
                    workers: threads,
                    all_reduce,
                    update,
                    ranks: None,
                };
                run(case, steps());
            }
        }
    }
}

#[test]
fn ranks_that_dawdle_read_what_was_written_at_every_step() {
    for (num_ranks, threads) in [(2, 2), (3, 1)] {
        on_ranks(num_ranks, |ranks| {
            let case = Case {
                threads,
                workers: num_ranks * threads,
                all_reduce: ALL[0],
                update: UpdateMode::ALL[0],
                ranks: Some(ranks),
            };
            run(case, steps());
        });
    }
}
