//! The losses by name: which targets each needs, and its sum over rows.

use std::sync::Arc;

use super::binary;
use super::criterion::Criterion;
use super::cross_entropy::CrossEntropy;
use super::ctc;
use super::regression::{self, Rule};
use super::targets::{TargetKind, Targets};
use crate::engine::Sums;
use crate::nn::shape::Shape;

/// What training minimises: the mean over rows (over positions, for sequences of classes) of one of
/// these, or of a [`Criterion`] of one's own.
///
/// ```
/// use unisono::nn::{Criterion, Loss, Targets};
/// let mut grad = [0.0; 3];
/// let outputs = [1.0, 0.0, -1.0];
/// let sums = Loss::SoftmaxCrossEntropy.sums(&outputs, &3.into(), Targets::Classes(&[0]), Some(&mut grad));
/// assert!((sums.loss - 0.4076).abs() < 1e-4 && grad[0] < 0.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Loss {
    /// -log softmax(outputs)\[class\].
    SoftmaxCrossEntropy,
    /// The same with options.
    CrossEntropy(CrossEntropy),
    /// Squared error; the convention says what it is divided by.
    Mse(MseConvention),
    /// Absolute error, averaged over rows and outputs.
    L1,
    /// Huber's error with this bound, above 0, averaged over rows and outputs.
    Huber(f32),
    /// Cross-entropy of sigmoid(outputs) with targets in 0..=1, averaged over rows and outputs.
    BinaryCrossEntropy,
    /// The same with a weight of positives for each output, finite and at least 0: what its error
    /// counts where the target is 1.
    WeightedBinaryCrossEntropy(Arc<[f32]>),
    /// Label sequences of at most `labels` classes, padded with the blank 0, for outputs (T, C);
    /// averaged over rows.
    Ctc {
        /// The longest label sequence.
        labels: usize,
    },
}

/// The three conventions of the mean squared error, for m rows of C outputs.
///
/// ```
/// use unisono::nn::{Criterion, Loss, MseConvention, Targets};
/// let targets = Targets::Values(&[1.0, 0.0, 0.0, 0.0]);
/// let loss = |convention| Loss::Mse(convention).sums(&[3.0, 0.0, 0.0, 0.0], &4.into(), targets, None).loss;
/// assert_eq!(loss(MseConvention::MeanOverAll), 1.0);
/// assert_eq!(loss(MseConvention::SumOverOutputs), 4.0);
/// assert_eq!(loss(MseConvention::HalfSumOverOutputs), 2.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MseConvention {
    /// sum / (m C): PyTorch's `mse_loss`.
    MeanOverAll,
    /// sum / m: squares summed over the outputs, averaged over the rows.
    SumOverOutputs,
    /// sum / (2 m): the textbook's half, whose gradient is the plain error over m.
    HalfSumOverOutputs,
}

impl Loss {
    /// Every loss of classes or values a row, for tables of tests.
    pub const ALL: &'static [Loss] = &Self::EACH;

    /// The same, in number.
    pub(crate) const EACH: [Loss; 7] = [
        Loss::SoftmaxCrossEntropy,
        Loss::Mse(MseConvention::MeanOverAll),
        Loss::Mse(MseConvention::SumOverOutputs),
        Loss::Mse(MseConvention::HalfSumOverOutputs),
        Loss::L1,
        Loss::Huber(0.5),
        Loss::BinaryCrossEntropy,
    ];

    /// The sum over outputs of a loss that has a rule for each alike.
    fn by_rule(
        &self,
        outputs: &[f32],
        shape: &Shape,
        values: &[f32],
        grad: Option<&mut [f32]>,
    ) -> Sums {
        let mean = 1.0 / shape.len() as f32;
        let rule = match *self {
            Loss::Mse(MseConvention::MeanOverAll) => Rule::new(regression::squared, mean),
            Loss::Mse(MseConvention::SumOverOutputs) => Rule::new(regression::squared, 1.0),
            Loss::Mse(MseConvention::HalfSumOverOutputs) => Rule::new(regression::squared, 0.5),
            Loss::L1 => Rule::new(regression::absolute, mean),
            Loss::Huber(bound) => Rule {
                parameter: bound,
                ..Rule::new(regression::huber, mean)
            },
            Loss::BinaryCrossEntropy => Rule {
                measures_errors: false,
                ..Rule::new(regression::binary, mean)
            },
            _ => panic!("{self:?} got values, expected classes"),
        };
        regression::sums(outputs, values, rule, grad)
    }

    /// The sum over rows of values, and how many rows there are; of binary cross-entropy those too
    /// of which every logit is on the side of its target.
    fn of_values(
        &self,
        outputs: &[f32],
        shape: &Shape,
        values: &[f32],
        grad: Option<&mut [f32]>,
    ) -> Sums {
        let mut sums = match self {
            Loss::WeightedBinaryCrossEntropy(weights) => {
                binary::sums(outputs, values, weights, grad)
            }
            _ => self.by_rule(outputs, shape, values, grad),
        };
        sums.rows = (outputs.len() / shape.len()) as f64;
        sums.weight = sums.rows;
        if let Loss::BinaryCrossEntropy | Loss::WeightedBinaryCrossEntropy(_) = self {
            sums.correct = binary::correct_rows(outputs, values, shape.len());
        }
        sums
    }
}

impl From<Loss> for Arc<dyn Criterion> {
    fn from(loss: Loss) -> Self {
        Arc::new(loss)
    }
}

impl Criterion for Loss {
    fn target_kind(&self, outputs: &Shape) -> TargetKind {
        match self {
            Loss::SoftmaxCrossEntropy | Loss::CrossEntropy(_) => TargetKind::Classes {
                classes: outputs.channels(),
                per_row: outputs.positions(),
            },
            Loss::Ctc { labels } => TargetKind::Classes {
                classes: outputs.channels(),
                per_row: *labels,
            },
            _ => TargetKind::Values(outputs.len()),
        }
    }

    fn ignored_class(&self) -> Option<usize> {
        match self {
            Loss::CrossEntropy(options) => options.ignored_class().map(|class| class as usize),
            _ => None,
        }
    }

    fn problem(&self, outputs: &Shape) -> Option<String> {
        match self {
            Loss::CrossEntropy(options) => options.problem(outputs.channels()),
            Loss::WeightedBinaryCrossEntropy(weights) => binary::problem(weights, outputs.len()),
            Loss::Huber(bound) if !(*bound > 0.0 && bound.is_finite()) => Some(format!(
                "Huber's bound must be positive and finite, got {bound}"
            )),
            Loss::Ctc { .. } if outputs.axes().len() != 2 => {
                Some(format!("CTC needs outputs of shape TxC, got {outputs}"))
            }
            _ => None,
        }
    }

    fn fills_gradient(&self) -> bool {
        true
    }

    /// # Panics
    /// If the targets are of the other kind, of another length, or name a class that is not below
    /// the outputs.
    fn sums(
        &self,
        outputs: &[f32],
        shape: &Shape,
        targets: Targets<'_>,
        grad: Option<&mut [f32]>,
    ) -> Sums {
        match (self, targets) {
            (Loss::SoftmaxCrossEntropy, Targets::Classes(classes)) => {
                let options = CrossEntropy::default();
                each(
                    outputs,
                    shape.channels(),
                    classes,
                    1,
                    grad,
                    |row, class, grad| options.row(row, class[0] as usize, grad),
                )
            }
            (Loss::CrossEntropy(options), Targets::Classes(classes)) => each(
                outputs,
                shape.channels(),
                classes,
                1,
                grad,
                |row, class, grad| options.row(row, class[0] as usize, grad),
            ),
            (&Loss::Ctc { labels }, Targets::Classes(classes)) => each(
                outputs,
                shape.len(),
                classes,
                labels,
                grad,
                |row, labels, grad| ctc::row(row, shape.channels(), labels, grad),
            ),
            (loss, Targets::Values(values)) => loss.of_values(outputs, shape, values, grad),
            (loss, Targets::Classes(_)) => panic!("{loss:?} got classes, expected values"),
        }
    }
}

/// Sums `row(outputs, labels, grad)` over rows of `width` outputs and `per_row` labels.
fn each(
    outputs: &[f32],
    width: usize,
    labels: &[u32],
    per_row: usize,
    grad: Option<&mut [f32]>,
    row: impl Fn(&[f32], &[u32], Option<&mut [f32]>) -> Sums,
) -> Sums {
    assert_eq!(
        labels.len() * width,
        outputs.len() * per_row,
        "there must be {per_row} labels for {width} outputs"
    );
    let mut grads = grad.map(|grad| grad.chunks_exact_mut(width));
    let rows = outputs
        .chunks_exact(width)
        .zip(labels.chunks_exact(per_row));
    rows.map(|(outputs, labels)| row(outputs, labels, grads.as_mut().and_then(Iterator::next)))
        .sum()
}
