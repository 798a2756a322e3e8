//! Workers that meet in the middle of a pass: a panic there ends the step, is reported as what it
//! was, and hangs nobody.

use ndarray::Array2;
use unisono::Trainer;
use unisono::data::ArrayDataset;
use unisono::engine::{
    Batch, Decision, Engine, EngineConfig, EngineError, Fold, Replica, Shard, Shards, Sums,
    Threads, Update, UpdateBlock,
};
use unisono::nn::{BatchNorm, Embedding, Loss, Sequential};
use unisono::train::OnNonFinite;

fn config(threads: usize) -> EngineConfig {
    EngineConfig {
        threads: Threads::Fixed(threads),
        shards: Shards::Fixed(7),
        ..EngineConfig::default()
    }
}

fn batch(step: u64) -> Batch {
    Batch::whole((0..21).collect(), step)
}

/// An update that changes nothing.
struct Nothing;

impl Update for Nothing {
    type Scalars = ();

    fn num_state_buffers(&self) -> usize {
        0
    }

    fn apply(&self, _scalars: &(), _block: UpdateBlock<'_>) {}
}

#[test]
fn a_panic_while_others_meet_in_the_middle_of_a_pass_is_the_one_that_is_reported() {
    // Tokens out of range panic in the embedding; batch norm over the batch makes the others wait
    // for that worker.
    let model = || {
        Sequential::new([4])
            .layer(Embedding::new(5, 3))
            .layer(BatchNorm::new().over_batch())
            .flatten()
            .dense(2)
    };
    let tokens = |odd: u32| {
        let mut tokens = Array2::<f32>::ones((12, 4));
        tokens[[7, 2]] = odd as f32;
        ArrayDataset::classes(tokens, &[0; 12], 2).unwrap()
    };
    for threads in [1, 2, 3, 5] {
        let new = || {
            Trainer::new(model(), Loss::SoftmaxCrossEntropy)
                .threads(threads)
                .batch_size(12)
                .shards(Shards::Fixed(4))
                .epochs(1)
        };
        let mut trainer = new();
        trainer.fit(&tokens(4), &tokens(4)).unwrap();
        let before = trainer.network().unwrap();
        let error = trainer.fit(&tokens(9), &tokens(4)).unwrap_err().to_string();
        assert!(
            error.contains("token 9 of row") && error.contains("in step 1"),
            "{error}"
        );
        assert_eq!(trainer.network().unwrap(), before);
        // The same engine goes on after such a step.
        let mut engine_goes_on = new().epochs(2).on_non_finite(OnNonFinite::Skip);
        assert!(engine_goes_on.fit(&tokens(4), &tokens(4)).is_ok());
    }
}

#[test]
fn an_engine_goes_on_after_a_panic_between_meetings() {
    for threads in [1, 2, 3, 5] {
        let mut engine = Engine::new(config(threads), &[1.0; 3], Nothing, |_| Meeter(3)).unwrap();
        let apply = |_: &_| Decision::Apply(());
        engine
            .run(|session| {
                for step in 0..6 {
                    let outcome = session.step(&batch(step), apply);
                    match (step, outcome) {
                        (2 | 3, Err(EngineError::WorkerPanicked { message, .. })) => {
                            assert_eq!(message, "a cosmic ray");
                        }
                        (2 | 3, other) => panic!("{other:?}"),
                        (_, outcome) => assert_eq!(outcome.unwrap().sums.loss, 2.0 * 21.0),
                    }
                }
            })
            .unwrap();
    }
}

/// Meets twice in every step; in steps 2 and 3 it panics in shard 5, before the first or the second
/// meeting.
struct Meeter(usize);

impl Replica for Meeter {
    fn num_params(&self) -> usize {
        self.0
    }

    fn add_loss_and_grad(&mut self, _: &[f32], _: &Shard<'_>, _grad: &mut [f32]) -> Sums {
        unreachable!("it folds by itself")
    }

    fn evaluate(&mut self, _params: &[f32], _: &Shard<'_>) -> Sums {
        Sums::default()
    }

    fn fold(&mut self, fold: &mut Fold<'_>) {
        let group = fold.all_gather();
        let shards = fold.shards();
        let step = fold.batch().step;
        let mut total = 0.0;
        let mut all = Vec::new();
        for round in 0..2 {
            fold.enter(shards.clone());
            assert!(!(shards.contains(&5) && step == 2 + round), "a cosmic ray");
            let own: Vec<f32> = shards
                .clone()
                .map(|shard| fold.shard(shard).rows.len() as f32)
                .collect();
            group.all_gather(&own, 1, &mut all);
            total += all.iter().sum::<f32>();
        }
        for which in 0..fold.nodes().len() {
            fold.grad(which).fill(1.0);
        }
        // The whole batch's rows, twice, at shard 0.
        for shard in shards {
            let loss = if shard == 0 { f64::from(total) } else { 0.0 };
            let weight = 1.0;
            fold.set_sums(
                shard,
                Sums {
                    loss,
                    weight,
                    rows: weight,
                    correct: 0.0,
                    ..Sums::default()
                },
            );
        }
    }
}
