//! Loss of a training: what its labels are decides.

use crate::data::Preparation;
use crate::nn::{Loss, MseConvention};

/// The loss of a training on rows of this preparation; none is that of synthetic rows, which have
/// classes.
pub(super) fn loss(preparation: Option<&Preparation>) -> Loss {
    let targets = preparation.and_then(|preparation| preparation.targets.as_ref());
    match targets {
        Some(_) => Loss::Mse(MseConvention::MeanOverAll),
        None => Loss::SoftmaxCrossEntropy,
    }
}

/// The same in words, for what is printed.
pub(super) fn loss_text(loss: &Loss) -> String {
    match loss {
        Loss::Mse(_) => "mean squared error of standardised targets".to_owned(),
        Loss::SoftmaxCrossEntropy => "cross-entropy".to_owned(),
        other => format!("{other:?}"),
    }
}
