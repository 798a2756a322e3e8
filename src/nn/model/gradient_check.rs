//! Gradient checker: gradients of losses and of models beside difference quotients.
//!
//! # Why this way
//! Values are `f32`, so a step must be large for the loss to change in more than its last bits, and
//! a quotient of fourth order may take a large one. Two of them, with a step and with its half,
//! tell a corner (of a ReLU, of the absolute error) from a gradient that is wrong: at a corner they
//! do not agree with each other.

use std::sync::Arc;

use ndarray::ArrayView2;

use super::network::Network;
use super::replica::{NetworkReplica, ReplicaSettings};
use super::row_source::RowSource;
use crate::engine::{Batch, Replica, Sums};
use crate::nn::error::NnError;
use crate::nn::kernel::Isa;
use crate::nn::loss::{Criterion, TargetKind, Targets, TargetsMut, odd_sums};
use crate::nn::shape::Shape;

/// By how much outputs are changed.
const OUTPUT_STEP: f32 = 0.0625;
/// By how much parameters are changed.
const PARAM_STEP: f32 = 0.015_625;

/// What a comparison of gradients has found right.
///
/// Example: [`check_criterion`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct GradientCheck {
    /// Derivatives that agree with their quotients.
    pub compared: usize,
    /// Derivatives at a corner of the function, which were left out: none of them may be wrong, nor
    /// right.
    pub corners: usize,
    /// The largest difference between a derivative and its quotient.
    pub largest_error: f64,
}

/// Compares the gradient that a criterion gives for these rows with difference quotients of its
/// loss.
///
/// ```
/// use unisono::nn::{Loss, Targets, check_criterion};
/// let outputs = [0.3, -1.2, 2.0, 0.0, 0.5, 0.4];
/// let check = check_criterion(&Loss::SoftmaxCrossEntropy, &outputs, &3.into(), Targets::Classes(&[1, 2]))?;
/// assert_eq!((check.compared, check.corners), (6, 0));
/// // The absolute error has a corner where output and target are equal.
/// let check = check_criterion(&Loss::L1, &[0.52, 2.0], &2.into(), Targets::Values(&[0.5, 1.0]))?;
/// assert_eq!((check.compared, check.corners), (1, 1));
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
///
/// # Errors
/// [`NnError::Gradient`] for a derivative that is another than the quotient's;
/// [`NnError::Criterion`] for targets of another kind or number, for sums that are not finite, and
/// for a loss that is another with a gradient than without.
pub fn check_criterion(
    criterion: &dyn Criterion,
    outputs: &[f32],
    shape: &Shape,
    targets: Targets<'_>,
) -> Result<GradientCheck, NnError> {
    let odd = |problem: String| NnError::Criterion {
        name: criterion.name(),
        problem,
    };
    check_targets(
        criterion,
        outputs.len() / shape.len().max(1),
        shape,
        targets,
    )?;
    // The gradient; what is not written is zero.
    let mut grad = vec![0.0; outputs.len()];
    let sums = criterion.sums(outputs, shape, targets, Some(&mut grad));
    let alone = criterion.sums(outputs, shape, targets, None);
    // Errors are summed where nothing is trained alone.
    let errors = sums.errors;
    let alone = Sums { errors, ..alone };
    if let Some(problem) = odd_sums(&sums) {
        return Err(odd(problem));
    }
    if !sums.loss.is_finite() {
        let problem = format!("gave a loss of {}, expected a finite one", sums.loss);
        return Err(odd(problem));
    }
    if sums != alone {
        let problem = format!("gave {sums:?} with a gradient, and {alone:?} without");
        return Err(odd(problem));
    }
    // Output by output.
    let comparison = Comparison {
        grad: &grad,
        loss: sums.loss,
        step: OUTPUT_STEP,
    };
    comparison
        .run(outputs, 0..outputs.len(), |nudged| {
            criterion.sums(nudged, shape, targets, None).loss
        })
        .map_err(|odd| NnError::Gradient {
            of: criterion.name(),
            place: format!(
                "output {} of row {}",
                odd.at % shape.len(),
                odd.at / shape.len()
            ),
            expected: odd.expected,
            got: odd.got,
        })
}

/// Compares the gradient of a loss with respect to each parameter, as the model's layers give it in
/// training, with difference quotients of the loss. A layer of one's own is checked with a dense
/// layer before it, whose gradient is made of what the layer gives back.
///
/// It takes twelve passes over the rows for each parameter: choose a small model, and few rows.
///
/// ```
/// use ndarray::array;
/// use unisono::nn::{Loss, Network, Sequential, Targets, check_gradient};
/// let network = Network::new(Sequential::new(2).dense(3).tanh().dense(2), 42)?;
/// let inputs = array![[0.1, 0.9], [-0.4, 0.2]];
/// let check = check_gradient(&network, Loss::SoftmaxCrossEntropy, inputs.view(), Targets::Classes(&[0, 1]))?;
/// assert_eq!(check.compared, 17);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
///
/// # Errors
/// [`NnError::Gradient`] for a derivative that is another than the quotient's; [`NnError`] for rows
/// and targets that do not fit.
pub fn check_gradient(
    network: &Network,
    criterion: impl Criterion + 'static,
    inputs: ArrayView2<'_, f32>,
    targets: Targets<'_>,
) -> Result<GradientCheck, NnError> {
    let (model, layout) = (network.model(), network.layout());
    let (rows, got) = inputs.dim();
    if got != model.inputs() {
        let expected = model.inputs();
        return Err(NnError::InputWidth { expected, got });
    }
    check_targets(&criterion, rows, &model.output_shape()?, targets)?;
    // A replica as training has it: batch norm and dropout are in training mode.
    let settings = ReplicaSettings {
        loss: Arc::new(criterion),
        isa: Isa::chosen()?,
        seed: 42,
    };
    let source = Rows { inputs, targets };
    let mut replica = NetworkReplica::new(model, settings, source)?;
    let batch = Batch::whole((0..rows as u32).collect(), 0);
    let mut pass = |params: &[f32]| {
        let mut grad = vec![0.0; params.len()];
        replica.params_changed();
        let sums = replica.add_loss_and_grad(params, &batch.shard(1, 0), &mut grad);
        (sums.loss, grad)
    };
    let (loss, grad) = pass(network.params());
    // Parameter by parameter; running statistics have no gradient.
    let statistics: Vec<_> = layout.statistics().collect();
    let trained = |at: &usize| !statistics.iter().any(|range| range.contains(at));
    let comparison = Comparison {
        grad: &grad,
        loss,
        step: PARAM_STEP,
    };
    let places = (0..grad.len()).filter(trained);
    comparison
        .run(network.params(), places, |nudged| pass(nudged).0)
        .map_err(|odd| {
            let of_it = |range: &std::ops::Range<usize>| range.contains(&odd.at);
            let tensor = layout.tensors().iter().find(|tensor| of_it(&tensor.range));
            let place = tensor.map_or_else(String::new, |tensor| {
                format!("value {} of {}", odd.at - tensor.range.start, tensor.name)
            });
            NnError::Gradient {
                of: model.to_string(),
                place,
                expected: odd.expected,
                got: odd.got,
            }
        })
}

/// Refuses targets of another kind or number than the criterion needs for so many rows.
fn check_targets(
    criterion: &dyn Criterion,
    rows: usize,
    shape: &Shape,
    targets: Targets<'_>,
) -> Result<(), NnError> {
    let odd = |problem: String| {
        let name = criterion.name();
        Err(NnError::Criterion { name, problem })
    };
    if let Some(problem) = criterion.problem(shape) {
        return odd(format!("cannot be used: {problem}"));
    }
    let (expected, got) = match (criterion.target_kind(shape), targets) {
        (TargetKind::Classes { per_row, .. }, Targets::Classes(got)) => (rows * per_row, got.len()),
        (TargetKind::Values(width), Targets::Values(got)) => (rows * width, got.len()),
        (expected, got) => {
            let got = match got {
                Targets::Classes(_) => "classes",
                Targets::Values(_) => "values",
            };
            return odd(format!("needs {expected:?} a row, got {got}"));
        }
    };
    if expected != got {
        return odd(format!(
            "needs {expected} targets for {rows} rows, got {got}"
        ));
    }
    match (criterion.target_kind(shape), targets) {
        (TargetKind::Classes { classes, .. }, Targets::Classes(got)) => {
            match got.iter().find(|class| **class as usize >= classes) {
                Some(class) => odd(format!("needs classes below {classes}, got {class}")),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// A gradient beside quotients of the loss.
struct Comparison<'a> {
    grad: &'a [f32],
    /// The loss where the gradient was taken.
    loss: f64,
    step: f32,
}

/// A derivative that is another than its quotient.
struct Disagreement {
    at: usize,
    expected: f64,
    got: f32,
}

impl Comparison<'_> {
    /// Compares the derivatives at `places`, by changing one of `values` at a time.
    fn run(
        &self,
        values: &[f32],
        places: impl Iterator<Item = usize>,
        mut loss: impl FnMut(&[f32]) -> f64,
    ) -> Result<GradientCheck, Disagreement> {
        // What rounding and the quotient's own error may make of a derivative.
        let largest = self.grad.iter().fold(0.0_f32, |most, g| most.max(g.abs()));
        let rounding = 2e-7 * self.loss.abs() / f64::from(self.step);
        let most = 1e-3 * f64::from(largest) + 2e-4 + rounding;
        let mut check = GradientCheck::default();
        let mut nudged = values.to_vec();
        for at in places {
            let mut quotient = |step: f32| {
                let mut change = |by: f32| {
                    let mut at_distance = |by: f32| {
                        nudged[at] = values[at] + by;
                        loss(&nudged)
                    };
                    at_distance(by) - at_distance(-by)
                };
                (8.0 * change(step) - change(2.0 * step)) / (12.0 * f64::from(step))
            };
            let (coarse, fine) = (quotient(self.step), quotient(self.step / 2.0));
            nudged[at] = values[at];
            let got = self.grad[at];
            let error = (f64::from(got) - fine).abs();
            // A gradient of a corner agrees with neither, by right; one that is NaN is wrong.
            if (coarse - fine).abs() > most && got.is_finite() {
                check.corners += 1;
            } else if error <= most {
                check.compared += 1;
                check.largest_error = check.largest_error.max(error);
            } else {
                return Err(Disagreement {
                    at,
                    expected: fine,
                    got,
                });
            }
        }
        Ok(check)
    }
}

/// The rows of a check, as a replica reads them.
#[derive(Debug)]
struct Rows<'a> {
    inputs: ArrayView2<'a, f32>,
    targets: Targets<'a>,
}

impl RowSource for Rows<'_> {
    fn gather(
        &self,
        _source: usize,
        _epoch: u32,
        rows: &[u32],
        inputs: &mut [f32],
        targets: TargetsMut<'_>,
    ) {
        let (count, width) = self.inputs.dim();
        for (to, &row) in inputs.chunks_exact_mut(width).zip(rows) {
            let from = self.inputs.row(row as usize);
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
        match (targets, self.targets) {
            (TargetsMut::Classes(to), Targets::Classes(from)) => copy(to, from, rows, count),
            (TargetsMut::Values(to), Targets::Values(from)) => copy(to, from, rows, count),
            _ => unreachable!("the targets have been checked"),
        }
    }
}

/// The targets of some of `count` rows.
fn copy<T: Copy>(to: &mut [T], from: &[T], rows: &[u32], count: usize) {
    let width = from.len() / count;
    for (place, &row) in rows.iter().enumerate() {
        let row = row as usize;
        to[place * width..(place + 1) * width].copy_from_slice(&from[row * width..][..width]);
    }
}
