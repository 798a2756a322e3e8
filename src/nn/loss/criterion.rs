//! `Criterion`: what training asks of a loss, one of ours or one's own.

use std::fmt::Debug;
use std::sync::Arc;

use super::targets::{TargetKind, Targets};
use crate::engine::Sums;
use crate::nn::shape::Shape;

/// A loss: the targets that it needs, its sum over rows, and the gradient of this sum. [`Loss`]
/// has ours; one's own is trained with in the same way.
///
/// [`check_criterion`] compares a gradient with difference quotients; `examples/custom_loss.rs` trains
/// with a loss of its own.
///
/// ```
/// use unisono::engine::Sums;
/// use unisono::nn::{Criterion, Shape, TargetKind, Targets, check_criterion};
/// /// ln cosh(output - target).
/// #[derive(Debug)]
/// struct LogCosh;
/// impl Criterion for LogCosh {
///     fn target_kind(&self, outputs: &Shape) -> TargetKind {
///         TargetKind::Values(outputs.len())
///     }
///     fn sums(&self, outputs: &[f32], shape: &Shape, targets: Targets<'_>, gradient: Option<&mut [f32]>) -> Sums {
///         let errors = || outputs.iter().zip(targets.values()).map(|(y, t)| y - t);
///         for (g, e) in gradient.into_iter().flatten().zip(errors()) {
///             *g = e.tanh();
///         }
///         let rows = (outputs.len() / shape.len()) as f64;
///         Sums { loss: errors().map(|e| f64::from(e).cosh().ln()).sum(), weight: rows, rows, correct: 0.0, ..Sums::default() }
///     }
/// }
/// let check = check_criterion(&LogCosh, &[0.5, -1.0], &1.into(), Targets::Values(&[0.0, 2.0]))?;
/// assert_eq!(check.compared, 2);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
///
/// [`Loss`]: crate::nn::Loss
/// [`check_criterion`]: crate::nn::check_criterion
pub trait Criterion: Debug + Send + Sync {
    /// Its name with its settings, by which a checkpoint knows it: a training that is resumed must
    /// have a loss of the same name. By default what `Debug` writes.
    fn name(&self) -> String {
        format!("{self:?}")
    }

    /// The targets it needs, for a model whose outputs have this shape.
    fn target_kind(&self, outputs: &Shape) -> TargetKind;

    /// What is wrong with its settings, for a model whose outputs have this shape: told before
    /// anything is trained. Nothing by default.
    fn problem(&self, _outputs: &Shape) -> Option<String> {
        None
    }

    /// The class whose rows it leaves out, if there is one: metrics leave them out too. None by
    /// default.
    fn ignored_class(&self) -> Option<usize> {
        None
    }

    /// Whether [`Criterion::sums`] writes every value of the gradient. Where it does not, which is
    /// the default, it finds zeros there.
    fn fills_gradient(&self) -> bool {
        false
    }

    /// The loss summed over rows of shape `shape`, whose outputs stand one after another, with what
    /// the mean divides by. With `gradient`, as long as `outputs`, the gradient of this sum is
    /// written there.
    ///
    /// It must follow from the arguments alone, or training is not reproducible. It is called once
    /// for the rows of a shard (or of a part of one), by several threads at once. The targets are
    /// those of [`Criterion::target_kind`].
    ///
    /// # Panics
    /// It may: the step is then not applied, and training ends with an error that has the message.
    /// So it does for sums that are none, such as a weight below 0.
    fn sums(
        &self,
        outputs: &[f32],
        shape: &Shape,
        targets: Targets<'_>,
        gradient: Option<&mut [f32]>,
    ) -> Sums;
}

impl<C: Criterion + ?Sized> Criterion for Arc<C> {
    fn name(&self) -> String {
        (**self).name()
    }

    fn target_kind(&self, outputs: &Shape) -> TargetKind {
        (**self).target_kind(outputs)
    }

    fn problem(&self, outputs: &Shape) -> Option<String> {
        (**self).problem(outputs)
    }

    fn ignored_class(&self) -> Option<usize> {
        (**self).ignored_class()
    }

    fn fills_gradient(&self) -> bool {
        (**self).fills_gradient()
    }

    fn sums(
        &self,
        outputs: &[f32],
        shape: &Shape,
        targets: Targets<'_>,
        gradient: Option<&mut [f32]>,
    ) -> Sums {
        (**self).sums(outputs, shape, targets, gradient)
    }
}

/// What is wrong with sums, whatever the outputs are; the loss itself may be infinite or NaN where
/// a training diverges.
pub(crate) fn odd_sums(sums: &Sums) -> Option<String> {
    let counts = [("weight", sums.weight), ("number of rows", sums.rows)];
    let odd = |value: f64| !(value.is_finite() && value >= 0.0);
    if let Some((what, got)) = counts.into_iter().find(|(_, value)| odd(*value)) {
        return Some(format!(
            "gave a {what} of {got}, expected a finite number of at least 0"
        ));
    }
    let (correct, rows) = (sums.correct, sums.rows);
    (!(0.0..=rows).contains(&correct))
        .then(|| format!("gave {correct} correct rows of {rows}, expected 0 to {rows}"))
}
