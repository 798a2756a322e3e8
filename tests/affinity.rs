//! Nobody but a pinned worker is pinned: not the caller of `fit`, not rayon's pool, not the worker
//! of a training that leaves cores to others.

use std::sync::Mutex;

use rayon::prelude::*;
use unisono::Trainer;
use unisono::data::{ArrayDataset, Dataset, Labels, digits};
use unisono::engine::{Pinning, Placement, Threads};
use unisono::nn::{Loss, Sequential};

/// On how many cores the calling thread may run.
fn cores() -> usize {
    core_affinity::get_core_ids().map_or(0, |cores| cores.len())
}

/// Notes on how many cores its callers, and rayon's threads, may run.
struct Seen {
    data: ArrayDataset,
    workers: Mutex<Vec<usize>>,
    pool: Mutex<Vec<usize>>,
}

impl Seen {
    fn new() -> Self {
        Self {
            data: digits().0,
            workers: Mutex::default(),
            pool: Mutex::default(),
        }
    }
}

impl Dataset for Seen {
    fn len(&self) -> usize {
        self.data.len()
    }

    fn input_len(&self) -> usize {
        self.data.input_len()
    }

    fn labels(&self) -> Labels {
        self.data.labels()
    }

    fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]) {
        self.workers.lock().unwrap().push(cores());
        let of_pool: Vec<usize> = (0..32).into_par_iter().map(|_| cores()).collect();
        self.pool.lock().unwrap().extend(of_pool);
        self.data.gather_inputs(rows, inputs);
    }

    fn gather_classes(&self, rows: &[u32], classes: &mut [u32]) {
        self.data.gather_classes(rows, classes);
    }
}

/// One epoch; on how many cores each worker could run, and each of rayon's threads.
fn fit(threads: Threads, pinning: Pinning) -> [Vec<usize>; 2] {
    let seen = Seen::new();
    let model = Sequential::new(64).dense(10);
    let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
        .threads(threads)
        .pinning(pinning)
        .epochs(1);
    let before = core_affinity::get_core_ids();
    let report = trainer.fit(&seen, &digits().1).unwrap();
    assert_eq!(core_affinity::get_core_ids(), before);
    let workers = seen.workers.into_inner().unwrap();
    // What is said to be pinned is.
    if report.setup.placement.is_pinned() {
        assert!(workers.iter().all(|&count| count == 1), "{workers:?}");
    } else {
        assert!(workers.iter().all(|&count| count == cores()), "{workers:?}");
    }
    [workers, seen.pool.into_inner().unwrap()]
}

#[test]
fn a_data_sets_parallel_work_has_all_cores_though_the_workers_are_pinned() {
    let all = Placement::of_process(Threads::Auto, Pinning::Auto).unwrap();
    for threads in [Threads::Fixed(all.num_usable_cores), Threads::Fixed(1)] {
        let [_, pool] = fit(threads, Pinning::Always);
        assert!(pool.iter().all(|&count| count == cores()), "{pool:?}");
    }
}

#[test]
fn a_training_that_leaves_cores_to_others_is_not_pinned_to_the_first_of_them() {
    if cores() < 2 {
        println!("skipped: there is one core for everything");
        return;
    }
    let [workers, _] = fit(Threads::Fixed(1), Pinning::Auto);
    assert!(workers.iter().all(|&count| count == cores()));
    let is_pinned = |pinning| Placement::of_process(Threads::Fixed(1), pinning);
    assert!(!is_pinned(Pinning::Auto).unwrap().is_pinned());
}
