//! Accuracies and rates count rows, whatever the rows weigh; where none counts, no step is made and
//! no NaN is reported.

use ndarray::Array2;
use unisono::data::{ArrayDataset, digits};
use unisono::nn::{CrossEntropy, Loss, Sequential};
use unisono::optim::Optimizer;
use unisono::train::{Event, LrRange, OnNonFinite, Report};
use unisono::{TrainError, Trainer};

fn model() -> Sequential {
    Sequential::new(64).dense(16).relu().dense(10)
}

/// Two epochs on the digits, with every class weighing `weight`.
fn fit(weight: f32) -> (Trainer, Report) {
    let (train, test) = digits();
    let loss = Loss::CrossEntropy(CrossEntropy::default().weights(vec![weight; 10]));
    let mut trainer = Trainer::new(model(), loss)
        .optimizer(Optimizer::sgd(0.05))
        .track_noise_scale()
        .epochs(2);
    let report = trainer.fit(&train, &test).unwrap();
    (trainer, report)
}

#[test]
fn an_accuracy_and_the_noise_scale_are_of_rows_whatever_the_classes_weigh() {
    let (_, test) = digits();
    let (plain, whole) = fit(1.0);
    let loss = Loss::SoftmaxCrossEntropy;
    let known = Trainer::from_network(plain.network().unwrap(), loss);
    let (of_plain, of_loss) = (known.evaluate(&test), plain.evaluate(&test));
    assert_eq!(of_plain.unwrap().1, of_loss.unwrap().1);
    for weight in [0.125, 8.0] {
        let (trainer, report) = fit(weight);
        // Powers of two change no bit of the mean gradient.
        assert_eq!(trainer.network().unwrap(), plain.network().unwrap());
        for (epoch, expected) in report.epochs.iter().zip(&whole.epochs) {
            assert_eq!(epoch.train_accuracy, expected.train_accuracy);
            assert_eq!(epoch.test_accuracy, expected.test_accuracy);
            assert!((0.0..=1.0).contains(&epoch.test_accuracy));
            assert_eq!(epoch.noise_scale, expected.noise_scale);
        }
    }
}

/// 96 rows in 3 batches of 32 in order, of two classes and with the rows in `ignored` of a third
/// one.
fn rows(ignored: std::ops::Range<usize>) -> ArrayDataset {
    let inputs =
        Array2::from_shape_fn((96, 4), |(row, at)| ((row * 7 + at * 3) % 11) as f32 / 11.0);
    let class = |row: usize| match ignored.contains(&row) {
        true => 2,
        false => (row % 2) as u32,
    };
    let classes: Vec<u32> = (0..96).map(class).collect();
    ArrayDataset::classes(inputs, &classes, 3).unwrap()
}

fn trainer(options: CrossEntropy) -> Trainer {
    Trainer::new(Sequential::new(4).dense(3), Loss::CrossEntropy(options))
        .optimizer(Optimizer::adam(0.01))
        .sampling(unisono::data::Sampling::InOrder)
        .batch_size(32)
        .epochs(2)
}

/// The ways in which the rows of class 2 do not count.
fn both() -> [CrossEntropy; 2] {
    let plain = CrossEntropy::default();
    [plain.clone().ignore(2), plain.weights([1.0, 1.0, 0.0])]
}

#[test]
fn a_batch_without_a_row_that_counts_is_no_step_and_is_counted() {
    for options in both() {
        let (mut told, mut losses) = (0, Vec::new());
        let mut one = trainer(options.clone()).on_non_finite(OnNonFinite::Stop);
        let report = one
            .fit_observed(&rows(32..64), &rows(0..0), |event| {
                if let Event::Step {
                    loss, grad_norm, ..
                } = event
                {
                    told += 1;
                    losses.extend([*loss, *grad_norm]);
                }
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!((told, report.empty_steps, report.skipped_steps), (4, 2, 0));
        assert!(losses.iter().all(|loss| loss.is_finite()));
        let last = &report.epochs[1];
        assert!(last.train_loss.is_finite() && last.grad_norm.is_finite());
        // The network is that of the other two batches alone.
        let inputs = rows(32..64).inputs().to_owned();
        let keep: Vec<usize> = (0..32).chain(64..96).collect();
        let left = inputs.select(ndarray::Axis(0), &keep);
        let classes: Vec<u32> = keep.iter().map(|row| (row % 2) as u32).collect();
        let left = ArrayDataset::classes(left, &classes, 3).unwrap();
        let mut other = trainer(options);
        other.fit(&left, &rows(0..0)).unwrap();
        assert_eq!(one.network().unwrap(), other.network().unwrap());
    }
}

#[test]
fn where_no_row_counts_at_all_an_error_says_so() {
    let nothing = |result: Result<(), TrainError>, part| match result {
        Err(TrainError::NothingCounts { part: got }) => assert_eq!(got, part),
        other => panic!("{other:?}"),
    };
    for options in both() {
        let (all, none) = (rows(0..96), rows(0..0));
        nothing(
            trainer(options.clone()).fit(&all, &none).map(drop),
            "training",
        );
        nothing(trainer(options.clone()).fit(&none, &all).map(drop), "test");
        nothing(trainer(options.clone()).evaluate(&all).map(drop), "given");
        let range = LrRange::default();
        let tested = trainer(options.clone()).lr_range_test(&all, range);
        nothing(tested.map(drop), "training");
        // A batch that counts for nothing is left out of the curve, and of its average.
        let curve = trainer(options)
            .lr_range_test(&rows(32..64), range)
            .unwrap();
        assert!(curve.points.iter().all(|point| point.smoothed.is_finite()));
        assert!(curve.points.len() > 50);
    }
}
