//! Optimisers by name: each a chain of transforms.

use super::error::{OptimError, check};
use super::momentum::{Momentum, MomentumForm};
use super::transform::Chain;

/// An optimiser as data: a recipe, its learning rate, its hyperparameters.
///
/// ```
/// use unisono::optim::Optimizer;
/// let optimizer = Optimizer::sgd(0.1).with_momentum(0.9).with_nesterov();
/// assert_eq!(optimizer.to_string(), "nesterov (lr 0.1, momentum 0.9)");
/// assert!(Optimizer::sgd(-0.1).build().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Optimizer {
    lr: f32,
    momentum: Option<Momentum>,
}

impl Optimizer {
    /// Plain stochastic gradient descent: `w -= lr * g`.
    pub fn sgd(lr: f32) -> Self {
        Self { lr, momentum: None }
    }

    /// With heavy-ball momentum: `v = m v + g`, `w -= lr * v`.
    pub fn with_momentum(self, momentum: f32) -> Self {
        self.with(momentum, MomentumForm::HeavyBall)
    }

    /// With momentum as a moving average: `v = m v + (1 - m) g`, `w -= lr * v`.
    pub fn with_ema_momentum(self, momentum: f32) -> Self {
        self.with(momentum, MomentumForm::Ema)
    }

    /// With Nesterov's look-ahead, if it has momentum.
    pub fn with_nesterov(mut self) -> Self {
        if let Some(momentum) = &mut self.momentum {
            momentum.nesterov = true;
        }
        self
    }

    fn with(self, momentum: f32, form: MomentumForm) -> Self {
        Self {
            momentum: Some(Momentum {
                momentum,
                form,
                nesterov: false,
            }),
            ..self
        }
    }

    /// The learning rate before any schedule.
    pub fn lr(&self) -> f32 {
        self.lr
    }

    /// The chain of transforms.
    ///
    /// # Errors
    /// [`OptimError::OutOfRange`] for a learning rate that is not finite or negative, or momentum outside 0..1.
    pub fn build(&self) -> Result<Chain, OptimError> {
        check(
            "the learning rate",
            "finite and at least 0",
            self.lr,
            self.lr.is_finite() && self.lr >= 0.0,
        )?;
        if let Some(Momentum { momentum, .. }) = self.momentum {
            check(
                "momentum",
                "at least 0 and below 1",
                momentum,
                (0.0..1.0).contains(&momentum),
            )?;
        }
        Ok(Chain::new(
            self.momentum
                .map(|momentum| Box::new(momentum) as _)
                .into_iter()
                .collect(),
        ))
    }
}

impl std::fmt::Display for Optimizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(Momentum {
            momentum,
            form,
            nesterov,
        }) = self.momentum
        else {
            return write!(f, "sgd (lr {})", self.lr);
        };
        let name = match (form, nesterov) {
            (MomentumForm::HeavyBall, false) => "momentum",
            (MomentumForm::HeavyBall, true) => "nesterov",
            (MomentumForm::Ema, false) => "ema-momentum",
            (MomentumForm::Ema, true) => "ema-nesterov",
        };
        write!(f, "{name} (lr {}, momentum {momentum})", self.lr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::StepScalars;

    /// Steps on the parabola f(w) = w²/2, whose gradient is w, from w = 1; the gradient comes in as a sum of 4.
    fn descend(optimizer: Optimizer, steps: u64) -> Vec<f32> {
        let chain = optimizer.build().unwrap();
        let (mut w, mut state) = ([1.0_f32], vec![0.0; chain.num_state_buffers()]);
        let path = (0..steps).map(|step| {
            let scalars = StepScalars {
                lr: optimizer.lr(),
                grad_scale: 0.25,
                row_scale: 0.25,
                step,
            };
            let grad = [4.0 * w[0]];
            chain.apply(&scalars, &mut w, &grad, &mut state);
            w[0]
        });
        path.collect()
    }

    fn near(path: &[f32], expected: &[f32]) {
        assert!(
            path.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6),
            "{path:?}, expected {expected:?}"
        );
    }

    #[test]
    fn each_recipe_takes_the_steps_of_its_formula() {
        near(&descend(Optimizer::sgd(0.1), 3), &[0.9, 0.81, 0.729]);
        // v1 = 1, w1 = 0.9; v2 = 0.5 + 0.9 = 1.4, w2 = 0.76; v3 = 0.7 + 0.76 = 1.46, w3 = 0.614.
        near(
            &descend(Optimizer::sgd(0.1).with_momentum(0.5), 3),
            &[0.9, 0.76, 0.614],
        );
        // v1 = 1, u1 = 1.5, w1 = 0.85; v2 = 1.35, u2 = 1.525, w2 = 0.6975.
        near(
            &descend(Optimizer::sgd(0.1).with_momentum(0.5).with_nesterov(), 2),
            &[0.85, 0.6975],
        );
        // v1 = 0.5, w1 = 0.95; v2 = 0.25 + 0.475 = 0.725, w2 = 0.8775.
        near(
            &descend(Optimizer::sgd(0.1).with_ema_momentum(0.5), 2),
            &[0.95, 0.8775],
        );
        // v1 = 0.5, u1 = 0.75, w1 = 0.925; v2 = 0.7125, u2 = 0.81875, w2 = 0.843125.
        near(
            &descend(
                Optimizer::sgd(0.1).with_ema_momentum(0.5).with_nesterov(),
                2,
            ),
            &[0.925, 0.843_125],
        );
    }

    #[test]
    fn the_ema_form_with_a_scaled_learning_rate_is_the_heavy_ball() {
        let ball = descend(Optimizer::sgd(0.1).with_momentum(0.75), 20);
        near(
            &descend(Optimizer::sgd(0.4).with_ema_momentum(0.75), 20),
            &ball,
        );
    }

    #[test]
    fn every_recipe_converges_on_the_parabola() {
        let with = [
            Optimizer::sgd(0.3),
            Optimizer::sgd(0.1).with_momentum(0.7),
            Optimizer::sgd(0.3).with_ema_momentum(0.7),
        ];
        for optimizer in with.into_iter().flat_map(|o| [o, o.with_nesterov()]) {
            assert!(descend(optimizer, 200)[199].abs() < 1e-6, "{optimizer}");
        }
    }

    #[test]
    fn values_out_of_range_are_named() {
        for lr in [-0.1, f32::NAN, f32::INFINITY] {
            let error = Optimizer::sgd(lr).build().unwrap_err().to_string();
            assert!(
                error.starts_with("the learning rate must be finite and at least 0, got"),
                "{error}"
            );
        }
        for momentum in [-0.1, 1.0, f32::NAN] {
            let error = Optimizer::sgd(0.1)
                .with_momentum(momentum)
                .build()
                .unwrap_err()
                .to_string();
            assert!(
                error.starts_with("momentum must be at least 0 and below 1, got"),
                "{error}"
            );
        }
    }
}
