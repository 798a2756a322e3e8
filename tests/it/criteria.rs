//! Losses of one's own: trained on like ours, with the same bits for any number of threads, and
//! refused by name where they are none.

use unisono::data::{ArrayDataset, digits};
use unisono::engine::Sums;
use unisono::nn::{Criterion, Loss, MseConvention, Sequential, Shape, TargetKind, Targets};
use unisono::optim::Optimizer;
use unisono::train::OnNonFinite;
use unisono::{TrainError, Trainer};

use crate::support::{class_data, value_data};

const THREADS: [usize; 4] = [1, 2, 3, 5];

fn classes_of(outputs: &Shape) -> TargetKind {
    TargetKind::Classes {
        classes: outputs.channels(),
        per_row: outputs.positions(),
    }
}

/// Softmax cross-entropy, row by row; of the gradient it writes what it must, and no more.
#[derive(Debug)]
struct RowByRow;

impl Criterion for RowByRow {
    fn target_kind(&self, outputs: &Shape) -> TargetKind {
        classes_of(outputs)
    }

    fn sums(
        &self,
        outputs: &[f32],
        shape: &Shape,
        targets: Targets<'_>,
        mut gradient: Option<&mut [f32]>,
    ) -> Sums {
        let width = shape.channels();
        let one = |(row, outputs): (usize, &[f32])| {
            let classes = Targets::Classes(&targets.classes()[row..=row]);
            let grad = gradient.as_deref_mut();
            let grad = grad.map(|grad| &mut grad[row * width..][..width]);
            Loss::SoftmaxCrossEntropy.sums(outputs, &width.into(), classes, grad)
        };
        outputs.chunks_exact(width).enumerate().map(one).sum()
    }
}

/// The mean squared error by hand.
#[derive(Debug)]
struct Squares;

impl Criterion for Squares {
    fn target_kind(&self, outputs: &Shape) -> TargetKind {
        TargetKind::Values(outputs.len())
    }

    fn sums(
        &self,
        outputs: &[f32],
        shape: &Shape,
        targets: Targets<'_>,
        gradient: Option<&mut [f32]>,
    ) -> Sums {
        let errors = || outputs.iter().zip(targets.values()).map(|(y, t)| y - t);
        let mean = 1.0 / shape.len() as f32;
        for (g, e) in gradient.into_iter().flatten().zip(errors()) {
            *g = mean * (2.0 * e);
        }
        let loss: f64 = errors().map(|e| f64::from(e * e)).sum();
        let rows = (outputs.len() / shape.len()) as f64;
        Sums {
            loss: loss * f64::from(mean),
            weight: rows,
            rows,
            correct: 0.0,
            ..Sums::default()
        }
    }
}

/// The pinball loss of three quantiles of one value a row; a value above 0.9 does not count, and
/// its part of the gradient is left alone.
#[derive(Debug)]
struct Quantiles;

impl Criterion for Quantiles {
    fn target_kind(&self, _outputs: &Shape) -> TargetKind {
        TargetKind::Values(1)
    }

    fn problem(&self, outputs: &Shape) -> Option<String> {
        let got = outputs.len();
        (got != 3).then(|| format!("there must be 3 outputs, one a quantile, got {got}"))
    }

    fn sums(
        &self,
        outputs: &[f32],
        _shape: &Shape,
        targets: Targets<'_>,
        mut gradient: Option<&mut [f32]>,
    ) -> Sums {
        let mut sums = Sums::default();
        for (row, (outputs, &t)) in outputs.chunks_exact(3).zip(targets.values()).enumerate() {
            if t > 0.9 {
                continue;
            }
            for (at, (y, q)) in outputs.iter().zip([0.1_f32, 0.5, 0.9]).enumerate() {
                let slope = if *y > t { 1.0 - q } else { -q };
                sums.loss += f64::from(slope * (y - t));
                if let Some(gradient) = gradient.as_deref_mut() {
                    gradient[row * 3 + at] = slope;
                }
            }
            (sums.weight, sums.rows) = (sums.weight + 1.0, sums.rows + 1.0);
        }
        sums
    }
}

/// The hash after two epochs, and the loss of an evaluation.
fn trained(
    criterion: impl Criterion + 'static,
    data: &ArrayDataset,
    threads: usize,
) -> (String, f64) {
    let inputs = data.inputs().ncols();
    let model = Sequential::new(inputs).dense(9).tanh().dense(3);
    let mut trainer = Trainer::new(model, criterion)
        .threads(threads)
        .optimizer(Optimizer::sgd(0.05).with_momentum(0.9))
        .epochs(2);
    let report = trainer.fit(data, data).unwrap();
    let (loss, _) = trainer.evaluate(data).unwrap();
    assert_eq!(loss, report.test_loss());
    (trainer.network().unwrap().weights_sha256(), loss)
}

#[test]
fn a_loss_of_ones_own_gives_the_bits_of_ours_for_any_number_of_threads() {
    let (classes, values) = (class_data(230, 7, 3), value_data(230, 7, 3));
    let ours = trained(Loss::SoftmaxCrossEntropy, &classes, 1);
    let ours_of_values = trained(Loss::Mse(MseConvention::MeanOverAll), &values, 1);
    for threads in THREADS {
        assert_eq!(trained(RowByRow, &classes, threads), ours);
        assert_eq!(trained(Squares, &values, threads), ours_of_values);
        // One that is shared is the same.
        let shared: std::sync::Arc<dyn Criterion> = std::sync::Arc::new(Squares);
        assert_eq!(trained(shared, &values, threads), ours_of_values);
    }
}

#[test]
fn a_loss_may_have_fewer_targets_than_outputs_and_leave_rows_out() {
    let data = value_data(230, 7, 1);
    let one = trained(Quantiles, &data, 1);
    assert!(one.1.is_finite());
    for threads in THREADS {
        assert_eq!(trained(Quantiles, &data, threads), one, "{threads} threads");
    }
    let two = Sequential::new(7).dense(2);
    let error = Trainer::new(two, Quantiles).fit(&data, &data).unwrap_err();
    assert!(
        matches!(&error, TrainError::Loss { problem } if problem.ends_with("a quantile, got 2")),
        "{error}"
    );
    let wide = value_data(20, 7, 3);
    let three = Sequential::new(7).dense(3);
    let error = Trainer::new(three, Quantiles)
        .fit(&wide, &wide)
        .unwrap_err();
    assert!(error.to_string().contains("need 1 values a row"), "{error}");
}

/// Gives these sums, whatever the rows are.
#[derive(Debug)]
pub(crate) struct Always(pub(crate) Sums);

impl Criterion for Always {
    fn name(&self) -> String {
        "always-the-same".to_owned()
    }

    fn target_kind(&self, outputs: &Shape) -> TargetKind {
        classes_of(outputs)
    }

    fn sums(
        &self,
        _outputs: &[f32],
        _shape: &Shape,
        _targets: Targets<'_>,
        _gradient: Option<&mut [f32]>,
    ) -> Sums {
        self.0
    }
}

/// Loss, weight, rows and correct rows that are no sums, and what is said of them.
const ODD: [([f64; 4], &str); 6] = [
    ([1.0, f64::NAN, 1.0, 0.0], "gave a weight of NaN"),
    (
        [1.0, -2.0, 1.0, 0.0],
        "gave a weight of -2, expected a finite",
    ),
    (
        [1.0, 1.0, f64::INFINITY, 0.0],
        "gave a number of rows of inf",
    ),
    (
        [1.0, 1.0, 1.0, 2.0],
        "gave 2 correct rows of 1, expected 0 to 1",
    ),
    ([1.0, 1.0, 1.0, f64::NAN], "gave NaN correct rows"),
    (
        [f64::NAN, 1.0, 1.0, 0.0],
        "the loss is NaN (always-the-same)",
    ),
];

#[test]
fn sums_that_are_none_are_errors_that_name_the_loss() {
    let data = class_data(20, 4, 3);
    for ([loss, weight, rows, correct], message) in ODD {
        let sums = Sums {
            loss,
            weight,
            rows,
            correct,
            ..Sums::default()
        };
        let model = Sequential::new(4).dense(3);
        for threads in [1, 3] {
            let mut trainer = Trainer::new(model.clone(), Always(sums)).threads(threads);
            let before = trainer.network().unwrap();
            let error = trainer.fit(&data, &data).unwrap_err().to_string();
            assert!(
                error.contains(message) && error.contains("always-the-same"),
                "{error}"
            );
            assert_eq!(trainer.network().unwrap(), before);
        }
        // Steps whose loss is not finite may be left out; those without a meaning may not.
        let trainer = Trainer::new(model, Always(sums)).epochs(1);
        let outcome = trainer.on_non_finite(OnNonFinite::Skip).fit(&data, &data);
        assert_eq!(outcome.is_ok(), sums.loss.is_nan(), "{message}");
    }
}

/// Squared error whose settings are told by its name.
#[derive(Debug)]
pub(crate) struct Scaled {
    pub(crate) factor: f32,
    /// What the gradient is multiplied by, beyond that.
    pub(crate) wrong: f32,
}

impl Criterion for Scaled {
    fn name(&self) -> String {
        format!("scaled squares, factor {}", self.factor)
    }

    fn target_kind(&self, outputs: &Shape) -> TargetKind {
        Squares.target_kind(outputs)
    }

    fn sums(
        &self,
        outputs: &[f32],
        shape: &Shape,
        targets: Targets<'_>,
        mut gradient: Option<&mut [f32]>,
    ) -> Sums {
        let sums = Squares.sums(outputs, shape, targets, gradient.as_deref_mut());
        for g in gradient.into_iter().flatten() {
            *g *= self.factor * self.wrong;
        }
        Sums {
            loss: sums.loss * f64::from(self.factor),
            ..sums
        }
    }
}

#[test]
fn a_training_that_is_resumed_must_have_a_loss_of_the_same_name() {
    let data = value_data(60, 4, 2);
    let trainer = |factor| {
        let loss = Scaled { factor, wrong: 1.0 };
        Trainer::new(Sequential::new(4).dense(2), loss).threads(2)
    };
    let mut whole = trainer(0.5).epochs(4);
    whole.fit(&data, &data).unwrap();
    let mut half = trainer(0.5).epochs(4).max_steps(3);
    half.fit(&data, &data).unwrap();
    let checkpoint = half.checkpoint().unwrap();
    let mut same = trainer(0.5).threads(3).epochs(4);
    same.resume(checkpoint.clone()).unwrap();
    same.fit(&data, &data).unwrap();
    let mut other = trainer(0.25).epochs(4);
    other.resume(checkpoint).unwrap();
    let error = other.fit(&data, &data).unwrap_err().to_string();
    let told = "loss was scaled squares, factor 0.5, is scaled squares, factor 0.25";
    assert!(error.contains(told), "{error}");
}

#[test]
fn a_loss_that_panics_ends_training_with_its_message() {
    #[derive(Debug)]
    struct Bomb;
    impl Criterion for Bomb {
        fn target_kind(&self, outputs: &Shape) -> TargetKind {
            classes_of(outputs)
        }
        fn sums(
            &self,
            _outputs: &[f32],
            _shape: &Shape,
            targets: Targets<'_>,
            _gradient: Option<&mut [f32]>,
        ) -> Sums {
            // They are classes.
            panic!("{:?}", targets.values())
        }
    }
    let (train, test) = digits();
    let mut trainer = Trainer::new(Sequential::new(64).dense(10), Bomb).threads(2);
    let error = trainer.fit(&train, &test).unwrap_err().to_string();
    assert!(error.contains("a loss of values got classes"), "{error}");
}
