//! Building an optimiser: from a recipe to its chain, ranges checked, and a name for reports.

use std::sync::Arc;

use super::adaptive::Lion;
use super::average::WeightAverage;
use super::chain::Chain;
use super::clip::ClipValue;
use super::custom::Named;
use super::decay::{DecayWeights, L1, ProximalL1};
use super::error::{OptimError, check};
use super::groups::Groups;
use super::moments::Adam;
use super::momentum::MomentumForm;
use super::recipes::{Optimizer, Rule};
use super::transform::Transform;
use super::trust_ratio::{ApplyTrustRatios, TrustRatio};

impl Optimizer {
    /// An optimiser of one's own: `chain` makes its transforms, after which momentum, decoupled
    /// decay and an average of the weights can be put, and clipping, L1 and L2 before. `name` has
    /// its hyperparameters too: a training is not resumed with an optimiser of another name, nor
    /// one whose transforms keep other state ([`super::Transform::state_names`]).
    ///
    /// ```
    /// use unisono::optim::{Chain, Optimizer, Transform, UpdateContext};
    ///
    /// /// The sign of the gradient.
    /// #[derive(Debug)]
    /// struct Sign;
    ///
    /// impl Transform for Sign {
    ///     fn apply(&self, _: &UpdateContext<'_>, update: &mut [f32], _: &mut [f32]) {
    ///         update.iter_mut().for_each(|value| *value = value.signum());
    ///     }
    /// }
    ///
    /// let sign = Optimizer::custom("sign", 0.001, || Chain::new(vec![Box::new(Sign)]));
    /// let both = sign.with_momentum(0.9).with_weight_decay(0.01);
    /// assert_eq!(both.to_string(), "sign (lr 0.001, momentum 0.9, weight decay 0.01)");
    /// assert_eq!(both.build()?.num_state_buffers(), 1);
    /// # Ok::<(), unisono::optim::OptimError>(())
    /// ```
    pub fn custom(
        name: impl Into<String>,
        lr: f32,
        chain: impl Fn() -> Chain + Send + Sync + 'static,
    ) -> Self {
        let rule = Rule::Custom(Named {
            name: name.into(),
            function: Arc::new(chain),
        });
        Self::new(lr, rule)
    }

    /// The chain of transforms.
    ///
    /// # Errors
    /// [`OptimError::OutOfRange`] for a hyperparameter outside its range,
    /// [`OptimError::NotApplicable`] for one that the recipe does not have.
    pub fn build(&self) -> Result<Chain, OptimError> {
        self.check()?;
        // Decay, LARS's factor and momentum come after the rescaling.
        let before = self.before();
        let mut last: Vec<Box<dyn Transform>> = Vec::new();
        let decay = DecayWeights { lambda: self.decay };
        let is_lars = matches!(self.rule, Rule::Lars { .. });
        if is_lars {
            last.push(Box::new(decay));
            last.push(Box::new(ApplyTrustRatios { with_lr: true }));
        }
        last.extend(self.momentum.map(|rule| Box::new(rule) as _));
        if self.decay > 0.0 && !is_lars {
            last.push(Box::new(decay));
        }
        // LARS and LAMB need norms in between.
        let mut chain = match &self.rule {
            Rule::Lars { coefficient } => Chain {
                trust: Some(TrustRatio::Lars {
                    coefficient: *coefficient,
                    decay: self.decay,
                }),
                after: last,
                has_lr_inside: true,
                ..Chain::new(before)
            },
            Rule::Lamb(_) => Chain {
                trust: Some(TrustRatio::Lamb),
                after: vec![Box::new(ApplyTrustRatios { with_lr: false })],
                ..Chain::new(before.into_iter().chain(last).collect())
            },
            Rule::Custom(custom) => {
                let own = (custom.function)();
                let around = [before, own.before, own.after, last];
                Chain {
                    finish: own.finish,
                    ..Chain::new(around.into_iter().flatten().collect())
                }
            }
            _ => Chain::new(before.into_iter().chain(last).collect()),
        };
        // What works on the new parameters.
        if self.proximal_l1 > 0.0 {
            let lambda = self.proximal_l1;
            chain.finish.push(Box::new(ProximalL1 { lambda }));
        }
        if let Some(decay) = self.average {
            chain.finish.push(Box::new(WeightAverage { decay }));
        }
        Ok(chain)
    }

    /// What comes up to the rescaling of the gradient.
    fn before(&self) -> Vec<Box<dyn Transform>> {
        let mut before: Vec<Box<dyn Transform>> = Vec::new();
        if let Some(limit) = self.clip_value {
            before.push(Box::new(ClipValue { limit }));
        }
        if self.l1 > 0.0 {
            before.push(Box::new(L1 { lambda: self.l1 }));
        }
        if self.l2 > 0.0 {
            before.push(Box::new(DecayWeights { lambda: self.l2 }));
        }
        match &self.rule {
            Rule::Sgd | Rule::Lars { .. } | Rule::Custom(_) => {}
            Rule::Adagrad(rule) => before.push(Box::new(*rule)),
            Rule::RmsProp(rule) => before.push(Box::new(*rule)),
            Rule::Adam(rule) | Rule::Lamb(rule) => before.push(Box::new(*rule)),
            Rule::Lion(rule) => before.push(Box::new(*rule)),
        }
        before
    }

    fn check(&self) -> Result<(), OptimError> {
        if let Some(setting) = self.invalid_setting {
            return Err(OptimError::NotApplicable {
                setting,
                optimizer: self.name().to_owned(),
            });
        }
        // Settings that the recipe does not have.
        let has_coupled = self.l1 > 0.0 || self.l2 > 0.0;
        if has_coupled && matches!(self.rule, Rule::Lars { .. } | Rule::Lamb(_) | Rule::Lion(_)) {
            return Err(OptimError::NotApplicable {
                setting: "l1 or l2 as a loss term (use the weight decay)",
                optimizer: self.name().to_owned(),
            });
        }
        // Ranges.
        not_negative("the learning rate", self.lr)?;
        self.check_rule()?;
        if let Some(momentum) = self.momentum {
            fraction("momentum", momentum.momentum)?;
        }
        not_negative("weight decay", self.decay)?;
        not_negative("l2", self.l2)?;
        not_negative("l1", self.l1)?;
        not_negative("proximal l1", self.proximal_l1)?;
        for (name, limit) in [
            ("the limit of clipping by value", self.clip_value),
            ("the limit of clipping by norm", self.clip_norm),
        ] {
            if let Some(limit) = limit {
                positive(name, limit)?;
            }
        }
        if let Some(decay) = self.average {
            fraction("the decay of the average", decay)?;
        }
        for (_, scale) in &self.groups.layer_lrs {
            not_negative("the scale of a layer's learning rate", *scale)?;
        }
        Ok(())
    }

    fn check_rule(&self) -> Result<(), OptimError> {
        match &self.rule {
            Rule::Sgd | Rule::Custom(_) => {}
            Rule::Adagrad(rule) => {
                not_negative("the initial squares", rule.initial)?;
                positive("eps", rule.eps)?;
            }
            Rule::RmsProp(rule) => {
                fraction("the decay of the squares", rule.decay)?;
                positive("eps", rule.eps)?;
            }
            Rule::Adam(rule) | Rule::Lamb(rule) => {
                fraction("beta1", rule.beta1)?;
                fraction("beta2", rule.beta2)?;
                positive("eps", rule.eps)?;
            }
            Rule::Lion(rule) => {
                fraction("beta1", rule.beta1)?;
                fraction("beta2", rule.beta2)?;
            }
            Rule::Lars { coefficient } => positive("the trust coefficient", *coefficient)?,
        }
        Ok(())
    }

    /// Its name in reports.
    pub fn name(&self) -> &str {
        let momentum = self.momentum.map(|rule| (rule.form, rule.nesterov));
        match (&self.rule, momentum) {
            (Rule::Sgd, None) if self.decay > 0.0 => "sgdw",
            (Rule::Sgd, None) => "sgd",
            (Rule::Sgd, Some((MomentumForm::HeavyBall, false))) => "momentum",
            (Rule::Sgd, Some((MomentumForm::HeavyBall, true))) => "nesterov",
            (Rule::Sgd, Some((MomentumForm::Ema, false))) => "ema-momentum",
            (Rule::Sgd, Some((MomentumForm::Ema, true))) => "ema-nesterov",
            (Rule::Adagrad(_), _) => "adagrad",
            (Rule::RmsProp(_), _) => "rmsprop",
            (Rule::Adam(_), _) if self.decay > 0.0 => "adamw",
            (Rule::Adam(_), _) => "adam",
            (Rule::Lion(_), _) => "lion",
            (Rule::Lars { .. }, _) => "lars",
            (Rule::Lamb(_), _) => "lamb",
            (Rule::Custom(custom), _) => &custom.name,
        }
    }
}

fn not_negative(name: &'static str, value: f32) -> Result<(), OptimError> {
    let is_valid = value.is_finite() && value >= 0.0;
    check(name, "finite and at least 0", value, is_valid)
}

fn positive(name: &'static str, value: f32) -> Result<(), OptimError> {
    let is_valid = value.is_finite() && value > 0.0;
    check(name, "finite and above 0", value, is_valid)
}

fn fraction(name: &'static str, value: f32) -> Result<(), OptimError> {
    let is_valid = (0.0..1.0).contains(&value);
    check(name, "at least 0 and below 1", value, is_valid)
}

impl Optimizer {
    /// What the updates depend on beside the text of the optimiser: all of its rule, and the groups.
    pub(crate) fn details(&self) -> String {
        let Groups {
            decays_all,
            layer_lrs,
            frozen,
        } = &self.groups;
        let mut details = format!(
            "{:?}, decays all: {decays_all}, factors: {layer_lrs:?}",
            self.rule
        );
        // Not there before: checkpoints without frozen tensors are still known.
        if !frozen.is_empty() {
            details.push_str(&format!(", frozen: {frozen:?}"));
        }
        details
    }
}

impl std::fmt::Display for Optimizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (lr {}", self.name(), self.lr)?;
        if let Some(rule) = self.momentum {
            write!(f, ", momentum {}", rule.momentum)?;
        }
        match &self.rule {
            Rule::Adam(Adam { beta1, beta2, .. })
            | Rule::Lamb(Adam { beta1, beta2, .. })
            | Rule::Lion(Lion { beta1, beta2 }) => write!(f, ", betas {beta1} and {beta2}")?,
            Rule::Lars { coefficient } => write!(f, ", trust coefficient {coefficient}")?,
            Rule::RmsProp(rule) => write!(f, ", decay of squares {}", rule.decay)?,
            Rule::Sgd | Rule::Adagrad(_) | Rule::Custom(_) => {}
        }
        let settings = [
            ("weight decay", self.decay),
            ("l2", self.l2),
            ("l1", self.l1),
            ("proximal l1", self.proximal_l1),
            ("clip value", self.clip_value.unwrap_or(0.0)),
            ("clip norm", self.clip_norm.unwrap_or(0.0)),
            ("average", self.average.unwrap_or(0.0)),
        ];
        for (name, value) in settings.into_iter().filter(|(_, value)| *value != 0.0) {
            write!(f, ", {name} {value}")?;
        }
        write!(f, ")")
    }
}
