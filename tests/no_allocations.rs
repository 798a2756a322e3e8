//! After the first steps a training step allocates nothing, on any worker thread, while shards stay
//! where they are.
//!
//! Only threads that draw rows are counted, which are the workers: the harness prints when it
//! pleases.

#[path = "support/allocator.rs"]
#[expect(dead_code, reason = "this file counts allocations only")]
mod allocator;

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use allocator::{allocations, count_this_thread};
use unisono::Trainer;
use unisono::data::{ArrayDataset, Dataset, Labels, LabelsMut, digits};
use unisono::engine::all_reduce::ALL;
use unisono::engine::{
    Assignment, BLOCK, Balance, Batch, Decision, Engine, EngineConfig, Ranks, Replica, Shard,
    Shards, Sums, Threads,
};
use unisono::nn::presets;
use unisono::nn::{BatchNorm, Loss, Sequential};
use unisono::optim::{Optimizer, StepScalars};
use unisono::study::synthetic_data;
use unisono::train::{ChainUpdate, Event};

/// The count is the process's: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Rows whose drawing marks the thread as a worker: only workers draw. `waste` values are allocated
/// for each drawing.
struct Marking<'a> {
    data: &'a ArrayDataset,
    waste: usize,
}

impl Dataset for Marking<'_> {
    fn len(&self) -> usize {
        self.data.len()
    }

    fn input_len(&self) -> usize {
        self.data.input_len()
    }

    fn input_shape(&self) -> Vec<usize> {
        self.data.input_shape()
    }

    fn labels(&self) -> Labels {
        self.data.labels()
    }

    fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]) {
        self.data.gather_inputs(rows, inputs);
    }

    fn gather_classes(&self, rows: &[u32], classes: &mut [u32]) {
        self.data.gather_classes(rows, classes);
    }

    fn draw(&self, epoch: u32, rows: &[u32], inputs: &mut [f32], labels: LabelsMut<'_>) {
        count_this_thread();
        drop(std::hint::black_box(vec![0.0_f32; self.waste]));
        self.data.draw(epoch, rows, inputs, labels);
    }
}

/// Allocations of the workers between two steps of an epoch.
fn allocations_between(trainer: Trainer, data: &ArrayDataset, between: (usize, usize)) -> u64 {
    count_between(trainer, &Marking { data, waste: 0 }, between)
}

fn count_between(trainer: Trainer, data: &Marking<'_>, (first, last): (usize, usize)) -> u64 {
    // Shards that move may need another gradient buffer.
    let mut trainer = trainer.balance(Balance::Even).epochs(1);
    let (mut steps, mut counts) = (0, [0; 2]);
    trainer
        .fit_observed(data, data.data, |event| {
            if let Event::Step { .. } = event {
                steps += 1;
                if steps == first {
                    counts[0] = allocations();
                } else if steps == last {
                    counts[1] = allocations();
                }
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(steps >= last, "the epoch has {steps} steps");
    counts[1] - counts[0]
}

#[test]
fn an_allocation_of_any_worker_is_counted() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (train, _) = digits();
    for threads in [1, 2, 3] {
        let model = Sequential::new(64).dense(10);
        let trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
            .threads(threads)
            .batch_size(12)
            .shards(Shards::Fixed(6));
        let data = Marking {
            data: &train,
            waste: 1,
        };
        // Each worker draws its rows of a step at once, and at a step's end some may have drawn the
        // next.
        let count = count_between(trainer, &data, (20, 120));
        let expected = 99 * threads as u64..=101 * threads as u64;
        assert!(expected.contains(&count), "{threads} threads: {count}");
    }
}

#[test]
fn a_hundred_steps_allocate_nothing_on_the_workers() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (train, _) = digits();
    for all_reduce in ALL {
        // Three are more than some machines have cores: they sleep instead of spinning.
        for threads in [1, 2, 3] {
            let model = Sequential::new(64).dense(32).relu().dense(10);
            let trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
                .threads(threads)
                .batch_size(11)
                .all_reduce(all_reduce);
            let count = allocations_between(trainer, &train, (20, 120));
            assert_eq!(count, 0, "{}, {threads} threads", all_reduce.name());
        }
    }
}

#[test]
fn a_hundred_steps_of_several_ranks_allocate_nothing_on_the_workers() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (train, _) = digits();
    for all_reduce in ALL {
        for (num_ranks, threads) in [(2, 1), (2, 2), (3, 1)] {
            let ranks = Ranks::in_process(num_ranks).into_iter();
            let counts: Vec<u64> = std::thread::scope(|scope| {
                let fit = |ranks| {
                    let model = Sequential::new(64)
                        .dense(32)
                        .layer(BatchNorm::new().over_batch())
                        .relu()
                        .dense(10);
                    let trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
                        .threads(threads)
                        .batch_size(11)
                        .optimizer(Optimizer::lamb(0.01))
                        .all_reduce(all_reduce)
                        .ranks(ranks);
                    allocations_between(trainer, &train, (20, 120))
                };
                let threads = ranks.map(|ranks| scope.spawn(move || fit(ranks)));
                let threads: Vec<_> = threads.collect();
                threads
                    .into_iter()
                    .map(|thread| thread.join().unwrap())
                    .collect()
            });
            let name = all_reduce.name();
            assert_eq!(
                counts,
                vec![0; num_ranks],
                "{name}, {num_ranks} x {threads}"
            );
        }
    }
}

#[test]
fn two_halves_statistics_and_policies_allocate_nothing_either() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (train, _) = digits();
    let optimizers = [
        Optimizer::lars(1.0).with_weight_decay(0.01),
        Optimizer::lamb(0.01).with_clip_norm(1.0).with_average(0.9),
    ];
    for optimizer in optimizers {
        for threads in [1, 2, 3] {
            let model = Sequential::new(64).dense(32).relu().dense(10);
            let trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
                .threads(threads)
                .track_layer_norms()
                .batch_size(11)
                .batch_policy("noise 11..12 every 5 steps".parse().unwrap())
                .schedule("warmup 10 steps, cosine over 90 steps".parse().unwrap())
                .track_noise_scale()
                .optimizer(optimizer.clone());
            let count = allocations_between(trainer, &train, (20, 110));
            assert_eq!(count, 0, "{optimizer}, {threads} threads");
        }
    }
}

#[test]
fn a_steady_step_of_every_preset_allocates_nothing() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for name in presets::NAMES.iter().copied() {
        let preset = presets::by_name(name).unwrap();
        let data = synthetic_data(&preset, 8 * 20, 1);
        let trainer = Trainer::new(preset.model, Loss::SoftmaxCrossEntropy)
            .threads(2)
            .batch_size(8);
        assert_eq!(allocations_between(trainer, &data, (4, 18)), 0, "{name}");
    }
}

/// A gradient of ones; whoever computes it is a worker.
struct Ones;

impl Replica for Ones {
    fn num_params(&self) -> usize {
        3 * BLOCK
    }

    fn add_loss_and_grad(&mut self, _: &[f32], shard: &Shard<'_>, grad: &mut [f32]) -> Sums {
        count_this_thread();
        grad.iter_mut().for_each(|grad| *grad += 1.0);
        Sums {
            weight: shard.rows.len() as f64,
            ..Sums::default()
        }
    }

    fn evaluate(&mut self, _: &[f32], _: &Shard<'_>) -> Sums {
        Sums::default()
    }
}

#[test]
fn a_step_allocates_nothing_while_the_balancer_watches_and_moves_no_shard() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let config = EngineConfig {
        threads: Threads::Fixed(2),
        shards: Shards::Fixed(16),
        balance: Balance::Measured,
        ..EngineConfig::default()
    };
    let update = ChainUpdate::new(&Optimizer::sgd(0.0), 3 * BLOCK).unwrap();
    let mut engine = Engine::new(config, &[0.0; 3 * BLOCK], update, |_| Ones).unwrap();
    let order: Arc<[u32]> = (0..64).collect();
    let steps = engine.run(|session| {
        let step = |step| {
            let batch = Batch::whole(Arc::clone(&order), step);
            let apply = |_: &_| Decision::Apply(StepScalars::plain(0.0, 64.0, step));
            session.step(&batch, apply).unwrap();
            (session.assignment().clone(), allocations())
        };
        (0..400).map(step).collect::<Vec<_>>()
    });
    // A worker may still be taking over its new shards when the master has.
    let steady = |window: &&[(Assignment, u64)]| window.iter().all(|step| step.0 == window[0].0);
    let steps = steps.unwrap();
    let windows: Vec<_> = steps[20..].windows(3).filter(steady).collect();
    assert!(!windows.is_empty());
    let unclean = windows.iter().filter(|window| window[2].1 > window[1].1);
    assert_eq!(unclean.count(), 0, "of {}", windows.len());
}
