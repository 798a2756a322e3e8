//! Losses: sums over rows, and their gradients with respect to the model's outputs.
//!
//! | file | losses |
//! |---|---|
//! | `cross_entropy` | softmax cross-entropy: smoothing, class weights, an ignored class |
//! | `regression` | squared, absolute, Huber; binary cross-entropy on logits |
//! | `ctc` | connectionist temporal classification |
//!
//! # Shapes
//! `outputs`: (B, C) or (B, T, C). Targets: a class below C for each row or position, or as many values as outputs.

use crate::engine::Sums;

use super::shape::Shape;

mod cross_entropy;
mod ctc;
mod regression;

pub use cross_entropy::CrossEntropy;

/// What a row's target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// For each row `per_row` classes below `classes`: one a position, or a label sequence.
    Classes {
        /// Classes below this number.
        classes: usize,
        /// 1, the length of a sequence, or that of the longest label sequence.
        per_row: usize,
    },
    /// So many values.
    Values(usize),
}

/// Targets of some rows.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a> {
    /// A class a row.
    Classes(&'a [u32]),
    /// A row of values a row.
    Values(&'a [f32]),
}

/// Where a row source writes targets.
#[derive(Debug)]
pub enum TargetsMut<'a> {
    /// A class a row.
    Classes(&'a mut [u32]),
    /// A row of values a row.
    Values(&'a mut [f32]),
}

/// What training minimises: the mean over rows (over positions, for sequences of classes) of one of these.
///
/// ```
/// use unisono::nn::{Loss, Targets};
/// let mut grad = [0.0; 3];
/// let outputs = [1.0, 0.0, -1.0];
/// let sums = Loss::SoftmaxCrossEntropy.sums(&outputs, &3.into(), Targets::Classes(&[0]), Some(&mut grad));
/// assert!((sums.loss - 0.4076).abs() < 1e-4 && grad[0] < 0.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Loss {
    /// -log softmax(outputs)\[class\].
    SoftmaxCrossEntropy,
    /// The same with options.
    CrossEntropy(CrossEntropy),
    /// Squared error; the convention says what it is divided by.
    Mse(MseConvention),
    /// Absolute error, averaged over rows and outputs.
    L1,
    /// Huber's error with this bound, averaged over rows and outputs.
    Huber(f32),
    /// Cross-entropy of sigmoid(outputs) with targets in 0..=1, averaged over rows and outputs.
    BinaryCrossEntropy,
    /// Label sequences of at most `labels` classes, padded with the blank 0, for outputs (T, C); averaged over rows.
    Ctc {
        /// The longest label sequence.
        labels: usize,
    },
}

/// The three conventions of the mean squared error, for m rows of C outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    pub const ALL: [Loss; 7] = [
        Loss::SoftmaxCrossEntropy,
        Loss::Mse(MseConvention::MeanOverAll),
        Loss::Mse(MseConvention::SumOverOutputs),
        Loss::Mse(MseConvention::HalfSumOverOutputs),
        Loss::L1,
        Loss::Huber(0.5),
        Loss::BinaryCrossEntropy,
    ];

    /// The targets it needs, for a model whose outputs have this shape.
    pub fn target_kind(&self, outputs: &Shape) -> TargetKind {
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

    /// What is wrong with the loss's settings, for a model whose outputs have this shape.
    pub(crate) fn problem(&self, outputs: &Shape) -> Option<String> {
        match self {
            Loss::CrossEntropy(options) => options.problem(outputs.channels()),
            Loss::Huber(bound) if !(*bound > 0.0 && bound.is_finite()) => Some(format!(
                "Huber's bound must be positive and finite, got {bound}"
            )),
            Loss::Ctc { .. } if outputs.axes().len() != 2 => {
                Some(format!("CTC needs outputs of shape TxC, got {outputs}"))
            }
            _ => None,
        }
    }

    /// The loss summed over rows of shape `shape`; with `grad`, its gradient is written there. `weight` of the sums is
    /// what the mean divides by.
    ///
    /// # Panics
    /// If the targets are of the other kind, of another length, or name a class that is not below the outputs.
    pub fn sums(
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
                    (classes, 1),
                    grad,
                    |row, class, grad| options.row(row, class[0] as usize, grad),
                )
            }
            (Loss::CrossEntropy(options), Targets::Classes(classes)) => each(
                outputs,
                shape.channels(),
                (classes, 1),
                grad,
                |row, class, grad| options.row(row, class[0] as usize, grad),
            ),
            (&Loss::Ctc { labels }, Targets::Classes(classes)) => each(
                outputs,
                shape.len(),
                (classes, labels),
                grad,
                |row, labels, grad| ctc::row(row, shape.channels(), labels, grad),
            ),
            (loss, Targets::Values(values)) => loss.of_values(outputs, shape, values, grad),
            (loss, Targets::Classes(_)) => panic!("{loss:?} got classes, expected values"),
        }
    }

    fn of_values(
        &self,
        outputs: &[f32],
        shape: &Shape,
        values: &[f32],
        grad: Option<&mut [f32]>,
    ) -> Sums {
        let mean = 1.0 / shape.len() as f32;
        let rule = match *self {
            Loss::Mse(MseConvention::MeanOverAll) => (regression::squared as _, 0.0, mean),
            Loss::Mse(MseConvention::SumOverOutputs) => (regression::squared as _, 0.0, 1.0),
            Loss::Mse(MseConvention::HalfSumOverOutputs) => (regression::squared as _, 0.0, 0.5),
            Loss::L1 => (regression::absolute as _, 0.0, mean),
            Loss::Huber(bound) => (regression::huber as _, bound, mean),
            Loss::BinaryCrossEntropy => (regression::binary as _, 0.0, mean),
            _ => panic!("{self:?} got values, expected classes"),
        };
        let mut sums = regression::sums(outputs, values, rule, grad);
        sums.weight = (outputs.len() / shape.len()) as f64;
        if *self == Loss::BinaryCrossEntropy && shape.len() == 1 {
            let rows = outputs.iter().zip(values);
            sums.correct = rows.filter(|(y, t)| (**y > 0.0) == (**t > 0.5)).count() as f64;
        }
        sums
    }
}

/// Sums `row(outputs, labels, grad)` over rows of `width` outputs and `per_row` labels.
fn each(
    outputs: &[f32],
    width: usize,
    (labels, per_row): (&[u32], usize),
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

#[cfg(test)]
mod tests {
    use super::*;

    const PYTORCH: [f64; 4] = [1.791_481_6, 2.392_421_7, 2.206_773_5, 2.250_141_6];
    const CTC: [f64; 2] = [5.311_977_9, 4.772_863_4];
    const OUTPUTS: [f32; 6] = [0.3, -1.2, 2.0, 0.0, 0.5, 0.4];
    const VALUES: [f32; 6] = [1.0, 0.0, 0.25, 0.25, 0.5, 1.0];

    /// Losses of (2, 3) outputs, in f64.
    fn reference(loss: &Loss, outputs: &[f64]) -> f64 {
        let of_values = |term: fn(f64, f64) -> f64| -> f64 {
            let pairs = outputs.iter().zip(VALUES);
            pairs.map(|(&y, t)| term(y, f64::from(t))).sum()
        };
        let squares = of_values(|y, t| (y - t).powi(2));
        match loss {
            Loss::SoftmaxCrossEntropy => {
                let row = |r: usize, class: usize| {
                    let row = &outputs[r * 3..(r + 1) * 3];
                    row.iter().map(|x| x.exp()).sum::<f64>().ln() - row[class]
                };
                row(0, 1) + row(1, 2)
            }
            Loss::Mse(MseConvention::MeanOverAll) => squares / 3.0,
            Loss::Mse(MseConvention::SumOverOutputs) => squares,
            Loss::Mse(MseConvention::HalfSumOverOutputs) => squares / 2.0,
            Loss::L1 => of_values(|y, t| (y - t).abs()) / 3.0,
            Loss::Huber(_) => {
                let term = |y: f64, t: f64| match (y - t).abs() {
                    e if e <= 0.5 => e * e / 2.0,
                    e => 0.5 * (e - 0.25),
                };
                of_values(term) / 3.0
            }
            Loss::BinaryCrossEntropy => {
                let term = |y: f64, t: f64| {
                    let p = 1.0 / (1.0 + (-y).exp());
                    -t * p.ln() - (1.0 - t) * (1.0 - p).ln()
                };
                of_values(term) / 3.0
            }
            other => panic!("the reference does not know {other:?}"),
        }
    }

    fn targets(loss: &Loss) -> Targets<'static> {
        match loss {
            Loss::SoftmaxCrossEntropy => Targets::Classes(&[1, 2]),
            _ => Targets::Values(&VALUES),
        }
    }

    #[test]
    fn losses_and_gradients_agree_with_a_reference_in_f64() {
        let shape = Shape::from(3);
        for loss in Loss::ALL {
            let mut grad = [0.0; 6];
            let sums = loss.sums(&OUTPUTS, &shape, targets(&loss), Some(&mut grad));
            let wide = OUTPUTS.map(f64::from);
            assert!(
                (sums.loss - reference(&loss, &wide)).abs() < 1e-6,
                "{loss:?}: {}, expected {}",
                sums.loss,
                reference(&loss, &wide)
            );
            assert_eq!(sums.weight, 2.0);
            let alone = loss.sums(&OUTPUTS, &shape, targets(&loss), None);
            assert_eq!(alone.loss, sums.loss);
            for (at, got) in grad.into_iter().enumerate() {
                // L1 has a corner where output and target are equal.
                if OUTPUTS[at] == VALUES[at] {
                    continue;
                }
                let nudged = |by: f64| {
                    let outputs = std::array::from_fn::<_, 6, _>(|i| {
                        wide[i] + if i == at { by } else { 0.0 }
                    });
                    reference(&loss, &outputs)
                };
                let expected = (nudged(1e-6) - nudged(-1e-6)) / 2e-6;
                assert!(
                    (f64::from(got) - expected).abs() <= 1e-3 * expected.abs().max(1e-3),
                    "{loss:?}, {at}"
                );
            }
        }
    }

    /// The gradient of any loss by a quotient of fourth order in f32.
    fn check_gradient(loss: &Loss, outputs: &[f32], shape: &Shape, labels: &[u32]) {
        let mut grad = vec![0.0; outputs.len()];
        loss.sums(outputs, shape, Targets::Classes(labels), Some(&mut grad));
        for at in 0..outputs.len() {
            let nudged = |by: f32| {
                let mut outputs = outputs.to_vec();
                outputs[at] += by;
                loss.sums(&outputs, shape, Targets::Classes(labels), None)
                    .loss
            };
            let h = 0.0625;
            let (one, two) = (nudged(h) - nudged(-h), nudged(2.0 * h) - nudged(-2.0 * h));
            let expected = (8.0 * one - two) / (12.0 * f64::from(h));
            assert!(
                (f64::from(grad[at]) - expected).abs() < 2e-4,
                "{loss:?}, {at}: {}, expected {expected}",
                grad[at]
            );
        }
    }

    #[test]
    fn options_of_cross_entropy_are_pytorchs() {
        // python3 -c "import torch as t, torch.nn.functional as F; x = t.tensor([[.3,-1.2,2.],[0.,.5,.4],[1.,1.,1.]]);
        //   k = t.tensor([1,2,0]); w = t.tensor([.5,2.,1.]); print(F.cross_entropy(x, k, label_smoothing=.1),
        //   F.cross_entropy(x, k, w), F.cross_entropy(x, k, w, label_smoothing=.2),
        //   F.cross_entropy(x, k, ignore_index=2))", torch 2.15.0
        let outputs = [0.3, -1.2, 2.0, 0.0, 0.5, 0.4, 1.0, 1.0, 1.0];
        let (shape, classes) = (Shape::from(3), [1, 2, 0]);
        let options = CrossEntropy::default;
        let weights = [0.5, 2.0, 1.0];
        let cases = [
            (options().smoothing(0.1), PYTORCH[0]),
            (options().weights(weights), PYTORCH[1]),
            (options().weights(weights).smoothing(0.2), PYTORCH[2]),
            (options().ignore(2), PYTORCH[3]),
        ];
        for (options, expected) in cases {
            let loss = Loss::CrossEntropy(options);
            let sums = loss.sums(&outputs, &shape, Targets::Classes(&classes), None);
            assert!(
                (sums.mean_loss() - expected).abs() < 1e-5,
                "{loss:?}: {}, expected {expected}",
                sums.mean_loss()
            );
            check_gradient(&loss, &outputs, &shape, &classes);
        }
    }

    #[test]
    fn ctc_is_pytorchs_and_its_gradient_is_right() {
        // python3 -c "import torch as t, torch.nn.functional as F; x = t.sin(t.arange(2*5*4).float()).view(2,5,4);
        //   l = F.log_softmax(x, -1).transpose(0, 1); print(F.ctc_loss(l, t.tensor([[1,1,2],[3,0,0]]),
        //   t.tensor([5,5]), t.tensor([3,1]), reduction='none'))", torch 2.15.0
        let outputs: Vec<f32> = (0..40).map(|i| (i as f32).sin()).collect();
        let shape = Shape::from([5, 4]);
        let loss = Loss::Ctc { labels: 3 };
        let labels = [1, 1, 2, 3, 0, 0];
        for (row, expected) in [(0, CTC[0]), (1, CTC[1])] {
            let outputs = &outputs[row * 20..(row + 1) * 20];
            let labels = &labels[row * 3..(row + 1) * 3];
            let sums = loss.sums(outputs, &shape, Targets::Classes(labels), None);
            assert!(
                (sums.loss - expected).abs() < 1e-4,
                "{}, expected {expected}",
                sums.loss
            );
        }
        check_gradient(&loss, &outputs, &shape, &labels);
        // Three labels with two equal ones need four positions.
        let short = loss.sums(
            &outputs[..12],
            &Shape::from([3, 4]),
            Targets::Classes(&[1, 1, 2]),
            None,
        );
        assert!(short.loss.is_infinite());
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let problem = |loss: Loss| loss.problem(&Shape::from(3)).unwrap_or_default();
        let options = CrossEntropy::default;
        assert!(problem(Loss::CrossEntropy(options().smoothing(1.0))).contains("below 1, got 1"));
        let few = options().weights([1.0]);
        assert!(problem(Loss::CrossEntropy(few)).contains("3 class weights, one a class, got 1"));
        let negative = options().weights([1.0, -1.0, 1.0]);
        assert!(problem(Loss::CrossEntropy(negative)).contains("at least 0, got -1"));
        assert!(problem(Loss::Huber(0.0)).contains("positive and finite, got 0"));
        assert!(problem(Loss::Ctc { labels: 2 }).contains("outputs of shape TxC, got 3"));
        assert_eq!(problem(Loss::CrossEntropy(options().smoothing(0.5))), "");
    }

    #[test]
    fn correct_counts_the_rows_whose_largest_output_is_the_class() {
        let classes = Targets::Classes(&[2, 1]);
        let sums = Loss::SoftmaxCrossEntropy.sums(&OUTPUTS, &3.into(), classes, None);
        assert_eq!(sums.correct, 2.0);
        let values = Targets::Values(&[1.0, 0.0, 0.0]);
        let sums = Loss::BinaryCrossEntropy.sums(&OUTPUTS[..3], &1.into(), values, None);
        assert_eq!(sums.correct, 2.0);
    }

    #[test]
    fn a_diverged_row_gives_a_loss_that_is_not_finite() {
        for bad in [f32::NAN, f32::INFINITY] {
            for loss in Loss::ALL {
                let targets = match loss {
                    Loss::SoftmaxCrossEntropy => Targets::Classes(&[0]),
                    _ => Targets::Values(&VALUES[..3]),
                };
                let sums = loss.sums(&[0.0, bad, 1.0], &3.into(), targets, None);
                assert!(!sums.loss.is_finite(), "{loss:?}, {bad}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "class 3 is not below the model's 3 outputs")]
    fn a_class_out_of_range_is_named() {
        Loss::SoftmaxCrossEntropy.sums(&OUTPUTS, &3.into(), Targets::Classes(&[1, 3]), None);
    }
}
