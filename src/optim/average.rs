//! Weight average: an exponential moving average of the parameters, for evaluation.
//!
//! `a = d a + (1 - d) w` after every step, `a = w` after the first.
//!
//! # References
//! Polyak, Juditsky: "Acceleration of stochastic approximation by averaging", 1992; PyTorch's
//! `get_ema_multi_avg_fn`.

use multiversion::multiversion;

use super::transform::{Finish, UpdateContext};

/// The name of the buffer that holds the average ([`super::Chain::state_names`]).
///
/// ```
/// use unisono::optim::{AVERAGE, Optimizer};
/// let chain = Optimizer::sgd(0.1).with_average(0.99).build()?;
/// assert_eq!(chain.state_names(), [AVERAGE]);
/// # Ok::<(), unisono::optim::OptimError>(())
/// ```
pub const AVERAGE: &str = "average of the weights";

/// Keeps the average in one state buffer, the last of its chain.
///
/// ```
/// use unisono::optim::{Finish, StepScalars, UpdateContext, WeightAverage};
/// let (finish, mut average) = (WeightAverage { decay: 0.75 }, [0.0]);
/// for (step, mut weights) in [[1.0], [5.0]].into_iter().enumerate() {
///     let scalars = &StepScalars::plain(0.1, 1.0, step as u64);
///     let context = UpdateContext { scalars, params: &[], parts: &[], trust_ratios: &[] };
///     finish.apply(&context, &mut weights, &mut average);
/// }
/// assert_eq!(average, [2.0]); // 1 after the first step, then 0.75 * 1 + 0.25 * 5
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightAverage {
    /// The decay d, in 0..1.
    pub decay: f32,
}

impl Finish for WeightAverage {
    fn state_names(&self) -> &'static [&'static str] {
        &[AVERAGE]
    }

    fn apply(&self, context: &UpdateContext<'_>, params: &mut [f32], state: &mut [f32]) {
        if context.scalars.step == 0 {
            state.copy_from_slice(params);
        } else {
            approach(state, params, 1.0 - self.decay);
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn approach(average: &mut [f32], params: &[f32], by: f32) {
    average
        .iter_mut()
        .zip(params)
        .for_each(|(a, p)| *a += by * (p - *a));
}
