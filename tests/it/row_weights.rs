//! Weights of rows: a row of weight 2 counts as if it came twice, one of weight 0 not at all; the
//! same bits for any number of threads.

use ndarray::{Array2, array};
use unisono::Trainer;
use unisono::data::{
    ArrayDataset, ConcatDataset, DataError, Dataset, MapDataset, Subset, Weighted,
};
use unisono::nn::{Criterion, CrossEntropy, Loss, MseConvention, Sequential};
use unisono::optim::Optimizer;

/// Rows of two numbers and a class that follows from them.
fn rows(count: usize) -> ArrayDataset {
    let value = |row: usize, at: usize| ((row * 37 + at * 11) % 23) as f32 / 11.0 - 1.0;
    let inputs = Array2::from_shape_fn((count, 2), |(row, at)| value(row, at));
    let class = |row: usize| u32::from(value(row, 0) + value(row, 1) > 0.1);
    let classes: Vec<u32> = (0..count).map(class).collect();
    ArrayDataset::classes(inputs, &classes, 2).unwrap()
}

fn trainer(loss: impl Criterion + 'static, batch: usize) -> Trainer {
    Trainer::new(Sequential::new(2).dense(8).tanh().dense(2), loss)
        .optimizer(Optimizer::sgd(0.5))
        .batch_size(batch)
        .epochs(3)
        .seed(7)
}

/// The weights after training, and the loss on the rows.
fn trained(mut trainer: Trainer, data: &dyn Dataset) -> (Vec<f32>, f64) {
    let report = trainer.fit(data, data).unwrap();
    (
        trainer.network().unwrap().params().to_vec(),
        report.test_loss(),
    )
}

fn assert_close(got: &(Vec<f32>, f64), expected: &(Vec<f32>, f64)) {
    for (got, expected) in got.0.iter().zip(&expected.0) {
        assert!((got - expected).abs() < 1e-5, "{got}, {expected}");
    }
    let (got, expected) = (got.1, expected.1);
    assert!((got - expected).abs() < 1e-6, "{got}, {expected}");
}

#[test]
fn a_row_of_weight_2_counts_as_two_and_one_of_weight_0_not_at_all() {
    // Whole batches, so that copies of a row are in the batch of the row.
    let data = rows(30);
    let weight = |row: usize| [1.0, 2.0, 0.0][row % 3];
    let weights: Vec<f32> = (0..30).map(weight).collect();
    let copies: Vec<usize> = (0..30)
        .flat_map(|row| vec![row; weight(row) as usize])
        .collect();
    let copied = data.subset(&copies);
    let weighted = Weighted::new(data.clone(), weights).unwrap();
    let smooth = || Loss::CrossEntropy(CrossEntropy::default().smoothing(0.1).weights([1.0, 3.0]));
    let got = trained(trainer(smooth(), 64), &weighted);
    assert_close(&got, &trained(trainer(smooth(), 64), &copied));
    // Equal weights of any size are none, but for rounding.
    let thirds = Weighted::new(data.clone(), vec![3.0; 30]).unwrap();
    let got = trained(trainer(Loss::SoftmaxCrossEntropy, 8), &thirds);
    let plain = trained(trainer(Loss::SoftmaxCrossEntropy, 8), &data);
    assert_close(&got, &plain);
    // Weights of 1 are none to the bit.
    let ones = Weighted::new(data.clone(), vec![1.0; 30]).unwrap();
    assert_eq!(
        trained(trainer(Loss::SoftmaxCrossEntropy, 8), &ones).0,
        plain.0
    );
}

#[test]
fn metrics_count_each_row_once() {
    let data = rows(30);
    let weights: Vec<f32> = (0..30).map(|row| row as f32).collect();
    let weighted = Weighted::new(data.clone(), weights).unwrap();
    let mut trainer = trainer(Loss::SoftmaxCrossEntropy, 8);
    trainer.fit(&data, &data).unwrap();
    let (plain, of_weighted) = (
        trainer.evaluate(&data).unwrap(),
        trainer.evaluate(&weighted).unwrap(),
    );
    assert_eq!(of_weighted.1, plain.1);
    assert_ne!(of_weighted.0, plain.0);
    // The loss is the weighted mean of the rows' own.
    let of_row = |row: usize| trainer.evaluate(&data.subset(&[row])).unwrap().0;
    let sum: f64 = (0..30).map(|row| row as f64 * of_row(row)).sum();
    assert!((of_weighted.0 - sum / 435.0).abs() < 1e-6);
}

#[test]
fn weights_give_the_same_bits_for_any_number_of_threads() {
    let weights: Vec<f32> = (0..301).map(|row| (row % 7) as f32 * 0.3).collect();
    let weighted = Weighted::new(rows(301), weights).unwrap();
    let of = |threads| {
        let trainer = trainer(Loss::SoftmaxCrossEntropy, 50).threads(threads);
        trained(trainer, &weighted)
    };
    let one = of(1);
    for threads in [2, 3, 5] {
        assert_eq!(of(threads), one, "{threads}");
    }
}

#[test]
fn a_row_of_weight_0_may_be_anything() {
    // Its loss is infinite, and so is its gradient.
    let inputs = array![[1.0], [2.0], [1e30]];
    let data = ArrayDataset::values(inputs, array![[1.0], [2.0], [-1e30]]).unwrap();
    let weighted = Weighted::new(data, [1.0, 1.0, 0.0]).unwrap();
    let loss = Loss::Mse(MseConvention::MeanOverAll);
    let mut trainer = Trainer::new(Sequential::new(1).dense(1), loss)
        .optimizer(Optimizer::sgd(0.1))
        .epochs(50);
    let report = trainer.fit(&weighted, &weighted).unwrap();
    assert!(report.test_loss() < 0.1, "{}", report.test_loss());
}

#[test]
fn data_sets_of_others_keep_their_weights() {
    let weighted = || Weighted::new(rows(4), [1.0, 2.0, 3.0, 4.0]).unwrap();
    let of = |data: &dyn Dataset, rows: &[u32]| {
        assert!(data.has_weights());
        let mut weights = vec![0.0; rows.len()];
        data.gather_weights(rows, &mut weights);
        weights
    };
    let subset = Subset::new(weighted(), [3, 1]).unwrap();
    assert_eq!(of(&subset, &[0, 1, 0]), [4.0, 2.0, 4.0]);
    let both = ConcatDataset::new(vec![weighted(), weighted()]).unwrap();
    assert_eq!(of(&both, &[3, 4, 7]), [4.0, 1.0, 4.0]);
    let same = |from: &[f32], to: &mut [f32]| to.copy_from_slice(from);
    let mapped = MapDataset::new(weighted(), [2], same).unwrap();
    assert_eq!(of(&mapped, &[2]), [3.0]);
    assert!(!rows(4).has_weights());
}

#[test]
fn weights_that_are_none_are_refused_with_their_row() {
    for (weights, said) in [
        (vec![1.0; 3], "one for each of 4 rows, got 3"),
        (vec![1.0, -1.0, 1.0, 1.0], "at least 0, got -1 for row 1"),
        (vec![1.0, 1.0, f32::NAN, 1.0], "got NaN for row 2"),
        (vec![0.0; 4], "got 0 for all of 4"),
    ] {
        let error: DataError = Weighted::new(rows(4), weights).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
}
