//! Two hundred trainers built, run and dropped in one process leave no threads and no memory
//! behind.

#[path = "support/allocator.rs"]
#[expect(dead_code, reason = "this file counts bytes only")]
mod allocator;

use allocator::live_bytes;
use unisono::Trainer;
use unisono::data::digits;
use unisono::engine::UpdateMode;
use unisono::nn::{Loss, Sequential};

/// Bytes that may be left: buffers of the runtime that grow once.
const MOST_LEFT: i64 = 16 * 1024;

fn num_threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, |tasks| tasks.count())
}

#[test]
fn two_hundred_trainers_leave_nothing_behind() {
    let (train, test) = digits();
    let run = |round: usize| {
        let model = Sequential::new(64).dense(16).relu().dense(10);
        let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
            .threads(1 + round % 3)
            .update(UpdateMode::ALL[round % 2])
            .batch_size(500)
            .epochs(1);
        trainer.fit(&train, &test).unwrap();
    };
    (0..12).for_each(run);
    let (threads, bytes) = (num_threads(), live_bytes());
    (0..200).for_each(run);
    // A pool's threads may still be on their way out with what they hold, on a busy machine for
    // long; what is left behind stays.
    let grown = || live_bytes() - bytes;
    for _ in 0..60_000 {
        if num_threads() <= threads && grown() < MOST_LEFT {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let grown = grown();
    assert!(
        grown < MOST_LEFT,
        "{grown} bytes were left behind by 200 trainers"
    );
    assert!(num_threads() <= threads);
}
