//! After the first steps a training step allocates nothing, on any worker thread.

#[path = "support/allocator.rs"]
#[expect(dead_code, reason = "this file counts allocations only")]
mod allocator;

use std::ops::ControlFlow;

use allocator::{allocations, ignore_this_thread};
use unisono::Trainer;
use unisono::data::digits;
use unisono::engine::all_reduce::ALL;
use unisono::nn::{Loss, Sequential};
use unisono::train::Event;

/// 130 steps of one epoch; the count is taken after step 20 and after step 120.
#[test]
fn a_hundred_steps_allocate_nothing_on_the_workers() {
    ignore_this_thread();
    let (train, test) = digits();
    for all_reduce in ALL {
        for threads in [1, 2] {
            let model = Sequential::new(64).dense(32).relu().dense(10);
            let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
                .threads(threads)
                .batch_size(11)
                .all_reduce(all_reduce)
                .epochs(1);
            let (mut steps, mut counts) = (0, [0; 2]);
            trainer
                .fit_observed(&train, &test, |event| {
                    if let Event::Step { .. } = event {
                        steps += 1;
                        match steps {
                            20 => counts[0] = allocations(),
                            120 => counts[1] = allocations(),
                            _ => {}
                        }
                    }
                    ControlFlow::Continue(())
                })
                .unwrap();
            assert!(counts[0] > 0, "the count must have begun");
            assert_eq!(
                counts[1] - counts[0],
                0,
                "{}, {threads} threads",
                all_reduce.name()
            );
        }
    }
}
