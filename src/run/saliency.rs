//! Saliency: how much each input of a row counts for a class.
//!
//! # Formulas
//! For the class's logit f: gradient times input, `x_i df/dx_i`; integrated gradients, `x_i` times
//! the mean of `df/dx_i` on the way from zeros to x, whose sum over i is f(x) - f(0) but for the
//! error of the mean. Zeros are the mean of the training rows where those were standardised.
//!
//! # References
//! Simonyan et al.: "Deep inside convolutional networks", 2014; Shrikumar et al.: "Not just a black
//! box", 2016; Sundararajan et al.: "Axiomatic attribution for deep networks", ICML 2017, eq. 3.

use ndarray::{Array2, ArrayView2, Axis};

use crate::nn::{Network, NnError};

/// How it is measured what of a row counts.
///
/// ```
/// use ndarray::array;
/// use unisono::{nn::{Network, Sequential}, run::Saliency};
/// let network = Network::with_params(Sequential::new(2).dense(2), vec![1.0, -1.0, 2.0, 0.5, 0.0, 0.0])?;
/// let x = array![[3.0, 1.0]];
/// // Of a linear model both are weights times inputs.
/// assert_eq!(Saliency::GradientTimesInput.of(&network, x.view(), &[0])?, array![[3.0, 2.0]]);
/// assert_eq!(Saliency::IntegratedGradients { steps: 4 }.of(&network, x.view(), &[1])?, array![[-3.0, 0.5]]);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Saliency {
    /// The gradient of the class's logit times the input.
    GradientTimesInput,
    /// The same, the gradient averaged on the way from zeros to the input.
    IntegratedGradients {
        /// Points on the way, at least 1; 32 give the sum to a few percent.
        steps: usize,
    },
}

impl Saliency {
    /// How much each input of the rows `inputs`, (B, inputs), counts for the class of each row,
    /// (B); (B, inputs).
    ///
    /// # Errors
    /// Those of [`Network::predict`].
    ///
    /// # Panics
    /// If there are not as many classes as rows, one is not below the model's outputs, or there are
    /// no points on the way.
    pub fn of(
        self,
        network: &Network,
        inputs: ArrayView2<'_, f32>,
        classes: &[usize],
    ) -> Result<Array2<f32>, NnError> {
        assert_eq!(
            classes.len(),
            inputs.nrows(),
            "give one class for each row whose inputs are weighed"
        );
        let outputs = network.model().output_shape()?.len();
        let mut wanted = Array2::zeros((classes.len(), outputs));
        for (mut row, &class) in wanted.axis_iter_mut(Axis(0)).zip(classes) {
            row[class] = 1.0;
        }
        let shares: Vec<f32> = match self {
            Saliency::GradientTimesInput => vec![1.0],
            Saliency::IntegratedGradients { steps } => {
                assert!(
                    steps > 0,
                    "integrated gradients need at least 1 point, got 0"
                );
                // The middles of equal pieces.
                let middle = |step: usize| (step as f32 + 0.5) / steps as f32;
                (0..steps).map(middle).collect()
            }
        };
        let predictor = network.predictor()?;
        let mut sum: Array2<f32> = Array2::zeros(inputs.dim());
        for share in &shares {
            let at = inputs.mapv(|x| x * share);
            sum += &predictor.input_gradients(at.view(), wanted.view())?;
        }
        Ok(sum * inputs / shares.len() as f32)
    }
}
