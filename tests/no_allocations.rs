//! After the first steps a training step allocates nothing, on any worker thread.

#[path = "support/allocator.rs"]
#[expect(dead_code, reason = "this file counts allocations only")]
mod allocator;

use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use allocator::{allocations, ignore_this_thread};
use unisono::Trainer;
use unisono::data::{ArrayDataset, digits};
use unisono::engine::all_reduce::ALL;
use unisono::nn::presets;
use unisono::nn::{Loss, Sequential};
use unisono::optim::Optimizer;
use unisono::study::made_up_data;
use unisono::train::Event;

/// The count is the process's: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Allocations of the workers between two steps of an epoch.
fn allocations_between(
    mut trainer: Trainer,
    data: &ArrayDataset,
    (first, last): (usize, usize),
) -> u64 {
    trainer = trainer.epochs(1);
    let (mut steps, mut counts) = (0, [0; 2]);
    trainer
        .fit_observed(data, data, |event| {
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
    assert!(counts[0] > 0, "the count must have begun");
    counts[1] - counts[0]
}

#[test]
fn a_hundred_steps_allocate_nothing_on_the_workers() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    ignore_this_thread();
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
fn two_halves_statistics_and_policies_allocate_nothing_either() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    ignore_this_thread();
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
    ignore_this_thread();
    for name in presets::NAMES {
        let preset = presets::by_name(name).unwrap();
        let data = made_up_data(&preset, 8 * 20, 1);
        let trainer = Trainer::new(preset.model, Loss::SoftmaxCrossEntropy)
            .threads(2)
            .batch_size(8);
        assert_eq!(allocations_between(trainer, &data, (4, 18)), 0, "{name}");
    }
}
