//! Optimisers by name: each a chain of transforms.

use super::decay::DecayWeights;
use super::error::{OptimError, check};
use super::moments::Adam;
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
    rule: Rule,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Rule {
    Sgd(Option<Momentum>),
    AdamW(Adam, DecayWeights),
}

impl Optimizer {
    /// Plain stochastic gradient descent: `w -= lr * g`.
    pub fn sgd(lr: f32) -> Self {
        Self {
            lr,
            rule: Rule::Sgd(None),
        }
    }

    /// Adam with decoupled weight decay: betas 0.9 and 0.999, eps 1e-8, decay 0.01 of every parameter.
    pub fn adam_w(lr: f32) -> Self {
        let adam = Adam {
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
        };
        Self {
            lr,
            rule: Rule::AdamW(adam, DecayWeights { lambda: 0.01 }),
        }
    }

    /// With heavy-ball momentum: `v = m v + g`, `w -= lr * v`. For SGD.
    pub fn with_momentum(self, momentum: f32) -> Self {
        self.with(momentum, MomentumForm::HeavyBall)
    }

    /// With momentum as a moving average: `v = m v + (1 - m) g`, `w -= lr * v`. For SGD.
    pub fn with_ema_momentum(self, momentum: f32) -> Self {
        self.with(momentum, MomentumForm::Ema)
    }

    /// With Nesterov's look-ahead, if it has momentum.
    pub fn with_nesterov(mut self) -> Self {
        if let Rule::Sgd(Some(momentum)) = &mut self.rule {
            momentum.nesterov = true;
        }
        self
    }

    /// With other decays of the moments, each in 0..1. For Adam.
    pub fn with_betas(mut self, first: f32, second: f32) -> Self {
        if let Rule::AdamW(adam, _) = &mut self.rule {
            (adam.beta1, adam.beta2) = (first, second);
        }
        self
    }

    /// With another decoupled weight decay, at least 0. For Adam.
    pub fn with_weight_decay(mut self, lambda: f32) -> Self {
        if let Rule::AdamW(_, decay) = &mut self.rule {
            decay.lambda = lambda;
        }
        self
    }

    fn with(mut self, momentum: f32, form: MomentumForm) -> Self {
        if let Rule::Sgd(rule) = &mut self.rule {
            *rule = Some(Momentum {
                momentum,
                form,
                nesterov: false,
            });
        }
        self
    }

    /// The learning rate before any schedule.
    pub fn lr(&self) -> f32 {
        self.lr
    }

    /// The chain of transforms.
    ///
    /// # Errors
    /// [`OptimError::OutOfRange`] for a learning rate or decay that is not finite or negative, momentum or betas outside
    /// 0..1.
    pub fn build(&self) -> Result<Chain, OptimError> {
        let positive = |name, value: f32| {
            let is_valid = value.is_finite() && value >= 0.0;
            check(name, "finite and at least 0", value, is_valid)
        };
        let fraction = |name, value: f32| {
            let is_valid = (0.0..1.0).contains(&value);
            check(name, "at least 0 and below 1", value, is_valid)
        };
        positive("the learning rate", self.lr)?;
        match self.rule {
            Rule::Sgd(None) => Ok(Chain::default()),
            Rule::Sgd(Some(momentum)) => {
                fraction("momentum", momentum.momentum)?;
                Ok(Chain::new(vec![Box::new(momentum)]))
            }
            Rule::AdamW(adam, decay) => {
                fraction("beta1", adam.beta1)?;
                fraction("beta2", adam.beta2)?;
                positive("weight decay", decay.lambda)?;
                Ok(Chain::new(vec![Box::new(adam), Box::new(decay)]))
            }
        }
    }
}

impl std::fmt::Display for Optimizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lr = self.lr;
        match self.rule {
            Rule::Sgd(None) => write!(f, "sgd (lr {lr})"),
            Rule::Sgd(Some(rule)) => {
                let name = match (rule.form, rule.nesterov) {
                    (MomentumForm::HeavyBall, false) => "momentum",
                    (MomentumForm::HeavyBall, true) => "nesterov",
                    (MomentumForm::Ema, false) => "ema-momentum",
                    (MomentumForm::Ema, true) => "ema-nesterov",
                };
                write!(f, "{name} (lr {lr}, momentum {})", rule.momentum)
            }
            Rule::AdamW(adam, decay) => write!(
                f,
                "adamw (lr {lr}, betas {} and {}, weight decay {})",
                adam.beta1, adam.beta2, decay.lambda
            ),
        }
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
    fn adam_takes_the_steps_of_its_formula() {
        // python3 -c "import torch as t; w = t.tensor([1.0], requires_grad=True); o = t.optim.AdamW([w], 0.1,
        //   betas=(0.9, 0.99), weight_decay=0.1); [(o.zero_grad(), (w*w/2).sum().backward(), o.step(), print(w.item()))
        //   for _ in range(3)]", torch 2.15.0
        let optimizer = Optimizer::adam_w(0.1)
            .with_betas(0.9, 0.99)
            .with_weight_decay(0.1);
        near(&descend(optimizer, 3), &[0.89, 0.781_545_7, 0.675_003_23]);
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
