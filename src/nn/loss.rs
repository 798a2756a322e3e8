//! Losses: sums over rows, and their gradients with respect to the model's outputs.
//!
//! # Shapes
//! `outputs`: (B, C), row-major; for sequences B counts positions. Targets: B classes below C, or (B, C) values.

use crate::engine::Sums;

use super::kernel::elementwise::exp;
use super::shape::Shape;

/// What a row's target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// For each of `per_row` positions, one of `classes`.
    Classes {
        /// Classes below this number.
        classes: usize,
        /// Positions of a row: 1, or the length of a sequence.
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

/// What training minimises: the mean over rows of one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// -log softmax(outputs)\[class\].
    SoftmaxCrossEntropy,
    /// Squared error; the convention says what it is divided by.
    Mse(MseConvention),
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
    /// Every loss, for tables of tests.
    pub const ALL: [Loss; 4] = [
        Loss::SoftmaxCrossEntropy,
        Loss::Mse(MseConvention::MeanOverAll),
        Loss::Mse(MseConvention::SumOverOutputs),
        Loss::Mse(MseConvention::HalfSumOverOutputs),
    ];

    /// The targets it needs, for a model whose outputs have this shape.
    pub fn target_kind(self, outputs: &Shape) -> TargetKind {
        match self {
            Loss::SoftmaxCrossEntropy => TargetKind::Classes {
                classes: outputs.channels(),
                per_row: outputs.positions(),
            },
            Loss::Mse(_) => TargetKind::Values(outputs.len()),
        }
    }

    /// The loss summed over rows of `width` outputs; with `grad`, its gradient is written there.
    ///
    /// # Panics
    /// If the targets are of the other kind, of another length, or name a class that is not below `width`.
    pub fn sums(
        self,
        outputs: &[f32],
        width: usize,
        targets: Targets<'_>,
        grad: Option<&mut [f32]>,
    ) -> Sums {
        let rows = outputs.len() / width;
        let mut sums = Sums {
            weight: rows as f64,
            ..Sums::default()
        };
        match (self, targets) {
            (Loss::SoftmaxCrossEntropy, Targets::Classes(classes)) => {
                assert_eq!(classes.len(), rows, "there must be one class a row");
                let mut grads = grad.map(|grad| grad.chunks_exact_mut(width));
                for (row, &class) in outputs.chunks_exact(width).zip(classes) {
                    let grad = grads.as_mut().and_then(Iterator::next);
                    sums += cross_entropy(row, class as usize, grad);
                }
            }
            (Loss::Mse(convention), Targets::Values(values)) => {
                assert_eq!(
                    values.len(),
                    outputs.len(),
                    "there must be one value an output"
                );
                let factor = match convention {
                    MseConvention::MeanOverAll => 1.0 / width as f32,
                    MseConvention::SumOverOutputs => 1.0,
                    MseConvention::HalfSumOverOutputs => 0.5,
                };
                let errors = outputs.iter().zip(values).map(|(y, t)| y - t);
                let squares: f64 = errors.clone().map(|e| f64::from(e) * f64::from(e)).sum();
                sums.loss = squares * f64::from(factor);
                if let Some(grad) = grad {
                    grad.iter_mut()
                        .zip(errors)
                        .for_each(|(g, e)| *g = 2.0 * factor * e);
                }
            }
            (loss, _) => panic!("{loss:?} got targets of the other kind"),
        }
        sums
    }
}

/// One row: loss = log(sum exp(x - max)) - (x[class] - max); gradient = softmax(x) - onehot(class).
fn cross_entropy(row: &[f32], class: usize, grad: Option<&mut [f32]>) -> Sums {
    assert!(
        class < row.len(),
        "class {class} is not below the model's {} outputs",
        row.len()
    );
    let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f32 = match grad {
        Some(grad) => {
            grad.iter_mut()
                .zip(row)
                .for_each(|(g, x)| *g = exp(x - max));
            let total: f32 = grad.iter().sum();
            grad.iter_mut().for_each(|g| *g /= total);
            grad[class] -= 1.0;
            total
        }
        None => row.iter().map(|x| exp(x - max)).sum(),
    };
    let loss = f64::from(total).ln() - f64::from(row[class] - max);
    // The first of equals counts as the prediction.
    let predicted = row.iter().position(|&x| x == max);
    Sums {
        loss,
        weight: 0.0,
        correct: f64::from(u8::from(predicted == Some(class))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUTS: [f32; 6] = [0.3, -1.2, 2.0, 0.0, 0.5, 0.4];

    fn reference(loss: Loss, outputs: &[f64]) -> f64 {
        let width = 3;
        let squares: f64 = outputs
            .iter()
            .zip(VALUES)
            .map(|(y, t)| (y - f64::from(t)).powi(2))
            .sum();
        match loss {
            Loss::SoftmaxCrossEntropy => {
                let row = |r: usize, class: usize| {
                    let row = &outputs[r * width..(r + 1) * width];
                    row.iter().map(|x| x.exp()).sum::<f64>().ln() - row[class]
                };
                row(0, 1) + row(1, 2)
            }
            Loss::Mse(MseConvention::MeanOverAll) => squares / 3.0,
            Loss::Mse(MseConvention::SumOverOutputs) => squares,
            Loss::Mse(MseConvention::HalfSumOverOutputs) => squares / 2.0,
        }
    }

    const VALUES: [f32; 6] = [1.0, 0.0, -1.0, 0.25, 0.5, 2.0];

    fn targets(loss: Loss) -> Targets<'static> {
        match loss {
            Loss::SoftmaxCrossEntropy => Targets::Classes(&[1, 2]),
            Loss::Mse(_) => Targets::Values(&VALUES),
        }
    }

    #[test]
    fn losses_and_gradients_agree_with_a_reference_in_f64() {
        for loss in Loss::ALL {
            let mut grad = [0.0; 6];
            let sums = loss.sums(&OUTPUTS, 3, targets(loss), Some(&mut grad));
            let wide = OUTPUTS.map(f64::from);
            assert!(
                (sums.loss - reference(loss, &wide)).abs() < 1e-6,
                "{loss:?}"
            );
            assert_eq!(sums.weight, 2.0);
            assert_eq!(loss.sums(&OUTPUTS, 3, targets(loss), None).loss, sums.loss);
            for (at, got) in grad.into_iter().enumerate() {
                let nudged = |by: f64| {
                    reference(
                        loss,
                        &std::array::from_fn::<_, 6, _>(|i| {
                            wide[i] + if i == at { by } else { 0.0 }
                        }),
                    )
                };
                let expected = (nudged(1e-6) - nudged(-1e-6)) / 2e-6;
                assert!(
                    (f64::from(got) - expected).abs() <= 1e-3 * expected.abs().max(1e-3),
                    "{loss:?}, {at}"
                );
            }
        }
    }

    #[test]
    fn correct_counts_the_rows_whose_largest_output_is_the_class() {
        let sums = Loss::SoftmaxCrossEntropy.sums(&OUTPUTS, 3, Targets::Classes(&[2, 1]), None);
        assert_eq!(sums.correct, 2.0);
    }

    #[test]
    fn a_diverged_row_gives_a_loss_that_is_not_finite() {
        for bad in [f32::NAN, f32::INFINITY] {
            let sums =
                Loss::SoftmaxCrossEntropy.sums(&[0.0, bad, 1.0], 3, Targets::Classes(&[0]), None);
            assert!(!sums.loss.is_finite(), "{bad}");
        }
    }

    #[test]
    #[should_panic(expected = "class 3 is not below the model's 3 outputs")]
    fn a_class_out_of_range_is_named() {
        Loss::SoftmaxCrossEntropy.sums(&OUTPUTS, 3, Targets::Classes(&[1, 3]), None);
    }
}
