//! One harness over every all-reduce algorithm and update mode, worker counts, shard counts and
//! awkward lengths.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Descent, RowGradients};
use unisono::Trainer;
use unisono::data::digits;
use unisono::engine::all_reduce::{ALL, AllReduce};
use unisono::engine::{BLOCK, Batch, Decision, Engine, EngineConfig, Shards, Threads, UpdateMode};
use unisono::nn::{Loss, Sequential};

const WORKERS: [usize; 6] = [1, 2, 3, 5, 8, 13];

/// Parameters, state and gradient norms after three steps.
type Outcome = (Vec<f32>, Vec<Vec<f32>>, Vec<f64>);

#[derive(Clone, Copy)]
struct Case {
    all_reduce: &'static dyn AllReduce,
    update: UpdateMode,
    workers: usize,
    shards: usize,
    len: usize,
    rows: usize,
}

fn train(case: Case) -> Outcome {
    let config = EngineConfig {
        threads: Threads::Fixed(case.workers),
        shards: Shards::Fixed(case.shards),
        all_reduce: Arc::new(case.all_reduce),
        update: case.update,
        ..EngineConfig::default()
    };
    let start: Vec<f32> = (0..case.len).map(|at| (at % 13) as f32).collect();
    let mut engine = Engine::new(config, &start, Descent, |_| RowGradients::new(case.len)).unwrap();
    let order: Arc<[u32]> = (0..case.rows as u32).collect();
    let norms = engine
        .run(|session| {
            let step = |step: u64| {
                let batch = Batch::whole(Arc::clone(&order), step);
                session
                    .step(&batch, |_| Decision::Apply(0.01))
                    .unwrap()
                    .grad_norm
            };
            (0..3).map(step).collect()
        })
        .unwrap();
    (engine.params(), engine.state().unwrap(), norms)
}

/// The tree by recursion, in plain loops: what three steps must give.
fn oracle(shards: usize, len: usize, rows: usize) -> (Vec<f32>, Vec<f32>) {
    fn node(
        shards: std::ops::Range<usize>,
        (total, rows): (usize, usize),
        params: &[f32],
    ) -> Vec<f32> {
        if shards.len() == 1 {
            let mut grad = vec![0.0; params.len()];
            for row in unisono::engine::part(rows, total, shards.start) {
                for (at, g) in grad.iter_mut().enumerate() {
                    *g += ((row * 7919 + at * 31) % 1009) as f32 / 1009.0 + 0.125 * params[at];
                }
            }
            return grad;
        }
        let middle = shards.start + shards.len().next_power_of_two() / 2;
        let left = node(shards.start..middle, (total, rows), params);
        let right = node(middle..shards.end, (total, rows), params);
        left.iter().zip(&right).map(|(l, r)| l + r).collect()
    }
    let mut params: Vec<f32> = (0..len).map(|at| (at % 13) as f32).collect();
    let mut state = vec![0.0; len];
    for _ in 0..3 {
        let grad = node(0..shards, (shards, rows), &params);
        for ((p, s), g) in params.iter_mut().zip(&mut state).zip(&grad) {
            *s += g;
            *p -= 0.01 * *s;
        }
    }
    (params, state)
}

#[test]
fn every_algorithm_mode_and_worker_count_gives_the_bits_of_the_plain_tree() {
    for shards in [1, 2, 7, 16] {
        for len in [0, 1, 7, 1009, BLOCK + 3] {
            let rows = 37;
            let (params, state) = oracle(shards, len, rows);
            let mut norms = None;
            for all_reduce in ALL {
                for update in UpdateMode::ALL.iter().copied() {
                    for workers in WORKERS {
                        let case = Case {
                            all_reduce,
                            update,
                            workers,
                            shards,
                            len,
                            rows,
                        };
                        let name = format!(
                            "{}, {update:?}, {workers} workers, {shards} shards, {len} params",
                            all_reduce.name()
                        );
                        let outcome = train(case);
                        assert_eq!(outcome.0, params, "{name}");
                        assert_eq!(outcome.1, std::slice::from_ref(&state), "{name}");
                        assert_eq!(
                            *norms.get_or_insert(outcome.2.clone()),
                            outcome.2,
                            "{name}: norms"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn gradients_longer_than_a_block_a_worker_keep_their_bits() {
    let len = 13 * BLOCK + 17;
    let (params, _) = oracle(16, len, 21);
    for all_reduce in ALL {
        for workers in WORKERS {
            let update = if workers % 2 == 0 {
                UpdateMode::Master
            } else {
                UpdateMode::Fused
            };
            let case = Case {
                all_reduce,
                update,
                workers,
                shards: 16,
                len,
                rows: 21,
            };
            assert_eq!(
                train(case).0,
                params,
                "{}, {workers} workers",
                all_reduce.name()
            );
        }
    }
}

#[test]
fn fewer_rows_than_shards_leave_empty_shards_that_change_nothing() {
    let (params, _) = oracle(16, 100, 5);
    for workers in WORKERS {
        let case = Case {
            all_reduce: ALL[2],
            update: UpdateMode::Fused,
            workers,
            shards: 16,
            len: 100,
            rows: 5,
        };
        assert_eq!(train(case).0, params, "{workers} workers");
    }
}

/// Answers anew each time, or beyond the workers.
#[derive(Debug)]
struct Fickle {
    answers: AtomicUsize,
    beyond: usize,
}

impl AllReduce for Fickle {
    fn name(&self) -> &str {
        "fickle"
    }

    fn adder(&self, _left: usize, _segment: usize, num_workers: usize) -> usize {
        // Relaxed: a counter that publishes nothing.
        let answer = self.answers.fetch_add(1, Ordering::Relaxed);
        answer % num_workers + self.beyond
    }
}

#[test]
fn an_algorithm_that_changes_its_mind_is_asked_once_and_one_beyond_the_workers_is_refused() {
    static FICKLE: Fickle = Fickle {
        answers: AtomicUsize::new(0),
        beyond: 0,
    };
    static BEYOND: Fickle = Fickle {
        answers: AtomicUsize::new(0),
        beyond: 1,
    };
    for update in UpdateMode::ALL.iter().copied() {
        for (workers, shards) in [(2, 2), (3, 7), (5, 16)] {
            let case = |all_reduce: &'static dyn AllReduce| Case {
                all_reduce,
                update,
                workers,
                shards,
                len: 3 * BLOCK + 1,
                rows: 40,
            };
            assert!(train(case(&FICKLE)) == train(case(ALL[0])));
        }
    }
    let config = EngineConfig {
        threads: Threads::Fixed(2),
        all_reduce: Arc::new(&BEYOND),
        ..EngineConfig::default()
    };
    let engine = Engine::new(config, &[0.0; 9], Descent, |_| RowGradients::new(9));
    let error = engine.err().unwrap();
    assert!(
        error
            .to_string()
            .contains("leaves additions to worker 2, expected one below 2")
    );
}

/// Answers by a table of its own, under a name of its own.
#[derive(Debug)]
struct Named {
    name: String,
    adders: Vec<usize>,
}

impl AllReduce for Named {
    fn name(&self) -> &str {
        &self.name
    }

    fn adder(&self, left: usize, segment: usize, _num_workers: usize) -> usize {
        self.adders[(3 * left + segment) % self.adders.len()]
    }
}

#[test]
fn one_of_ones_own_trains_with_the_bits_of_ours_or_is_refused_by_name() {
    let (train, test) = digits();
    let trainer = |threads| {
        let model = Sequential::new(64).dense(32).relu().dense(10);
        Trainer::new(model, Loss::SoftmaxCrossEntropy)
            .threads(threads)
            .epochs(1)
    };
    let hash = |mut trainer: Trainer| {
        trainer.fit(&train, &test).unwrap();
        trainer.network().unwrap().weights_sha256()
    };
    let expected = hash(trainer(1));
    for threads in [1, 2, 3, 5] {
        let own = Named {
            name: format!("backwards-{threads}"),
            adders: (0..threads).rev().collect(),
        };
        assert_eq!(hash(trainer(threads).all_reduce(own)), expected);
        let shared: Arc<dyn AllReduce> = Arc::new(ALL[1]);
        assert_eq!(hash(trainer(threads).all_reduce(shared)), expected);
    }
    let beyond = Named {
        name: "off-by-one".to_owned(),
        adders: vec![1, 2, 3],
    };
    let error = trainer(3).all_reduce(beyond).fit(&train, &test);
    let error = error.unwrap_err().to_string();
    let told = "the all-reduce off-by-one leaves additions to worker 3, expected one below 3";
    assert!(error.starts_with(told), "{error}");
}
