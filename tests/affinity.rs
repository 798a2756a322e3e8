//! The caller of `fit` keeps its own affinity, and sleeps while the workers train.

use unisono::Trainer;
use unisono::data::digits;
use unisono::nn::{Loss, Sequential};

#[test]
fn the_callers_affinity_is_left_as_it_was() {
    let before = core_affinity::get_core_ids();
    let (train, test) = digits();
    let model = Sequential::new(64).dense(10);
    let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy).epochs(1);
    trainer.fit(&train, &test).unwrap();
    assert_eq!(core_affinity::get_core_ids(), before);
}
