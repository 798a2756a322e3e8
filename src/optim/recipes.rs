//! Optimisers by name: each a chain of transforms.
//!
//! | recipe | chain |
//! |---|---|
//! | `sgd`, with momentum, Nesterov | L1, L2, momentum |
//! | `sgdw` | momentum, decoupled decay |
//! | `adagrad`, `rms_prop` | L1, L2, rescaling, momentum |
//! | `adam`, `adam_w` | L1, L2, Adam, decoupled decay |
//! | `lion` | sign of an interpolation, decoupled decay |
//! | `lars` | norms; decay, factor and lr, momentum |
//! | `lamb` | Adam, decay; norms; factor |
//!
//! Clipping by value comes first in each, the proximal step of L1 and the average of the weights
//! last.

use super::adaptive::{Adagrad, Lion, RmsProp};
use super::custom::{MakeChain, Named};
use super::groups::Groups;
use super::moments::Adam;
use super::momentum::{Momentum, MomentumForm};

/// An optimiser as data: a recipe, its learning rate, its hyperparameters. Ranges are checked by
/// [`Optimizer::build`].
///
/// ```
/// use unisono::optim::Optimizer;
/// let optimizer = Optimizer::sgd(0.1).with_momentum(0.9).with_nesterov();
/// assert_eq!(optimizer.to_string(), "nesterov (lr 0.1, momentum 0.9)");
/// assert!(Optimizer::sgd(-0.1).build().is_err());
/// assert!(Optimizer::sgd(0.1).with_betas(0.9, 0.99).build().is_err());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Optimizer {
    pub(super) lr: f32,
    pub(super) rule: Rule,
    pub(super) momentum: Option<Momentum>,
    pub(super) decay: f32,
    pub(super) l2: f32,
    pub(super) l1: f32,
    pub(super) proximal_l1: f32,
    pub(super) clip_value: Option<f32>,
    pub(super) clip_norm: Option<f32>,
    pub(super) average: Option<f32>,
    pub(super) groups: Groups,
    /// A setting that the recipe does not have.
    pub(super) invalid_setting: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Rule {
    Sgd,
    Adagrad(Adagrad),
    RmsProp(RmsProp),
    Adam(Adam),
    Lion(Lion),
    Lars { coefficient: f32 },
    Lamb(Adam),
    Custom(Named<MakeChain>),
}

impl Optimizer {
    pub(super) fn new(lr: f32, rule: Rule) -> Self {
        Self {
            lr,
            rule,
            momentum: None,
            decay: 0.0,
            l2: 0.0,
            l1: 0.0,
            proximal_l1: 0.0,
            clip_value: None,
            clip_norm: None,
            average: None,
            groups: Groups::default(),
            invalid_setting: None,
        }
    }

    /// Plain stochastic gradient descent: `w -= lr * g`.
    pub fn sgd(lr: f32) -> Self {
        Self::new(lr, Rule::Sgd)
    }

    /// SGD with decoupled weight decay: `w -= lr * (v + decay * w)`.
    pub fn sgdw(lr: f32, decay: f32) -> Self {
        Self::sgd(lr).with_weight_decay(decay)
    }

    /// Adagrad; eps 1e-10, squares summed from 0.
    pub fn adagrad(lr: f32) -> Self {
        let rule = Adagrad {
            initial: 0.0,
            eps: 1e-10,
        };
        Self::new(lr, Rule::Adagrad(rule))
    }

    /// RMSprop; decay of the squares 0.99, eps 1e-8, not centred.
    pub fn rms_prop(lr: f32) -> Self {
        let rule = RmsProp {
            decay: 0.99,
            eps: 1e-8,
            centred: false,
        };
        Self::new(lr, Rule::RmsProp(rule))
    }

    /// Adam; betas 0.9 and 0.999, eps 1e-8.
    pub fn adam(lr: f32) -> Self {
        Self::new(lr, Rule::Adam(Adam::new(1e-8)))
    }

    /// Adam with decoupled weight decay of 0.01, not of biases and norms; betas 0.9 and 0.999, eps
    /// 1e-8.
    pub fn adam_w(lr: f32) -> Self {
        Self::adam(lr).with_weight_decay(0.01)
    }

    /// Lion; betas 0.9 and 0.99. Its steps are as long as lr: a tenth to a third of Adam's rate,
    /// with three to ten times its decay, is the authors' advice.
    pub fn lion(lr: f32) -> Self {
        let rule = Lion {
            beta1: 0.9,
            beta2: 0.99,
        };
        Self::new(lr, Rule::Lion(rule))
    }

    /// LARS: momentum 0.9, trust coefficient 0.001, no decay; biases and norms take plain momentum
    /// steps.
    pub fn lars(lr: f32) -> Self {
        let rule = Rule::Lars { coefficient: 1e-3 };
        Self::new(lr, rule).with_momentum(0.9)
    }

    /// LAMB: betas 0.9 and 0.999, eps 1e-6, decay 0.01; biases and norms take Adam's steps.
    pub fn lamb(lr: f32) -> Self {
        Self::new(lr, Rule::Lamb(Adam::new(1e-6))).with_weight_decay(0.01)
    }

    /// With heavy-ball momentum: `v = m v + g`, `w -= lr * v`. For SGD, Adagrad, RMSprop, LARS and
    /// optimisers of one's own.
    pub fn with_momentum(self, momentum: f32) -> Self {
        self.with(momentum, MomentumForm::HeavyBall)
    }

    /// With momentum as a moving average: `v = m v + (1 - m) g`, `w -= lr * v`. For the same.
    pub fn with_ema_momentum(self, momentum: f32) -> Self {
        self.with(momentum, MomentumForm::Ema)
    }

    /// With Nesterov's look-ahead; set momentum first.
    pub fn with_nesterov(mut self) -> Self {
        match &mut self.momentum {
            Some(momentum) => momentum.nesterov = true,
            None => self.invalid_setting = Some("nesterov (set a momentum first)"),
        }
        self
    }

    /// With other decays of the moments, each in 0..1. For Adam, AdamW, LAMB and Lion.
    pub fn with_betas(mut self, first: f32, second: f32) -> Self {
        match &mut self.rule {
            Rule::Adam(adam) | Rule::Lamb(adam) => (adam.beta1, adam.beta2) = (first, second),
            Rule::Lion(lion) => (lion.beta1, lion.beta2) = (first, second),
            _ => self.invalid_setting = Some("betas"),
        }
        self
    }

    /// With another eps, positive. For Adam, AdamW, LAMB, RMSprop and Adagrad.
    pub fn with_eps(mut self, eps: f32) -> Self {
        match &mut self.rule {
            Rule::Adam(adam) | Rule::Lamb(adam) => adam.eps = eps,
            Rule::RmsProp(rule) => rule.eps = eps,
            Rule::Adagrad(rule) => rule.eps = eps,
            _ => self.invalid_setting = Some("eps"),
        }
        self
    }

    /// With another decay of the squares, in 0..1, for RMSprop.
    pub fn with_square_decay(mut self, decay: f32) -> Self {
        match &mut self.rule {
            Rule::RmsProp(rule) => rule.decay = decay,
            _ => self.invalid_setting = Some("the decay of the squares"),
        }
        self
    }

    /// With the mean taken off the squares, for RMSprop.
    pub fn centred(mut self) -> Self {
        match &mut self.rule {
            Rule::RmsProp(rule) => rule.centred = true,
            _ => self.invalid_setting = Some("centring"),
        }
        self
    }

    /// With sums of squares that start from `initial`, at least 0, for Adagrad.
    pub fn with_initial_squares(mut self, initial: f32) -> Self {
        match &mut self.rule {
            Rule::Adagrad(rule) => rule.initial = initial,
            _ => self.invalid_setting = Some("initial squares"),
        }
        self
    }

    /// With another trust coefficient, positive, for LARS.
    pub fn with_trust_coefficient(mut self, value: f32) -> Self {
        match &mut self.rule {
            Rule::Lars { coefficient } => *coefficient = value,
            _ => self.invalid_setting = Some("a trust coefficient"),
        }
        self
    }

    /// With decoupled weight decay, at least 0: each step takes `lr * decay` of every weight. In
    /// LARS and LAMB the decay is part of the direction that is scaled. Biases and norms are left
    /// out unless [`Optimizer::decay_all`] says otherwise.
    pub fn with_weight_decay(self, decay: f32) -> Self {
        Self { decay, ..self }
    }

    /// With the loss term `lambda / 2 norm2(w)`, at least 0. Not for LARS, LAMB and Lion.
    pub fn with_l2(self, lambda: f32) -> Self {
        Self { l2: lambda, ..self }
    }

    /// With the loss term `lambda sum abs(w)`, at least 0, by its subgradient. Not for LARS, LAMB
    /// and Lion.
    pub fn with_l1(self, lambda: f32) -> Self {
        Self { l1: lambda, ..self }
    }

    /// With the same term by a proximal step after each update, at least 0: it gives exact zeros.
    pub fn with_proximal_l1(self, lambda: f32) -> Self {
        Self {
            proximal_l1: lambda,
            ..self
        }
    }

    /// Clips every element of the mean gradient to `-limit..=limit`, positive.
    pub fn with_clip_value(self, limit: f32) -> Self {
        Self {
            clip_value: Some(limit),
            ..self
        }
    }

    /// Scales the mean gradient down to norm `limit`, positive, where it is longer.
    pub fn with_clip_norm(self, limit: f32) -> Self {
        Self {
            clip_norm: Some(limit),
            ..self
        }
    }

    /// Keeps an exponential moving average of the parameters with decay `decay`, in 0..1, which
    /// evaluation uses.
    pub fn with_average(self, decay: f32) -> Self {
        Self {
            average: Some(decay),
            ..self
        }
    }

    /// Decay, L2 and L1 for biases and norms too, and trust ratios of LARS and LAMB.
    pub fn decay_all(mut self) -> Self {
        self.groups.decays_all = true;
        self
    }

    /// Multiplies the learning rate of the tensors whose name begins with `prefix` (such as
    /// `dense0.`) by `scale`, at least 0.
    pub fn with_layer_lr(mut self, prefix: impl Into<String>, scale: f32) -> Self {
        self.groups.layer_lrs.push((prefix.into(), scale));
        self
    }

    /// Leaves the tensors whose name begins with `prefix` (such as `conv0.`) as they are: no
    /// gradient, decay or penalty moves them, running statistics stay, and the gradient's norm is
    /// that of the rest. Batch norms among them still take each batch's own statistics in training.
    ///
    /// ```
    /// use unisono::optim::{Optimizer, TensorKind, TrainedBy};
    /// let head = Optimizer::sgd(0.1).with_frozen("dense0.");
    /// let group = |name| head.groups().param_group(name, TensorKind::Weight);
    /// assert_eq!(group("dense0.weight").trained_by, TrainedBy::Nothing);
    /// assert_eq!(group("dense2.weight").trained_by, TrainedBy::Gradient);
    /// ```
    pub fn with_frozen(mut self, prefix: impl Into<String>) -> Self {
        self.groups.frozen.push(prefix.into());
        self
    }

    /// The same steps with momentum as a moving average: the learning rate becomes lr / (1 - m).
    ///
    /// ```
    /// use unisono::optim::Optimizer;
    /// let ema = Optimizer::sgd(0.1).with_momentum(0.75).to_ema();
    /// assert_eq!(ema, Optimizer::sgd(0.4).with_ema_momentum(0.75));
    /// assert_eq!(ema.to_heavy_ball().lr(), 0.1);
    /// ```
    pub fn to_ema(&self) -> Self {
        self.converted(MomentumForm::Ema)
    }

    /// The same steps with heavy-ball momentum: the learning rate becomes lr (1 - m).
    pub fn to_heavy_ball(&self) -> Self {
        self.converted(MomentumForm::HeavyBall)
    }

    /// The learning rate before any schedule.
    pub fn lr(&self) -> f32 {
        self.lr
    }

    /// With another learning rate.
    pub fn with_lr(self, lr: f32) -> Self {
        Self { lr, ..self }
    }

    /// The limit of the mean gradient's norm, if it has one.
    pub fn clip_norm(&self) -> Option<f32> {
        self.clip_norm
    }

    /// Which tensors are treated differently.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// The state buffer that holds the average of the parameters, if there is one: the chain's
    /// last.
    pub fn keeps_average(&self) -> bool {
        self.average.is_some()
    }

    /// With another momentum in the form that it has, heavy-ball where it has none.
    #[cfg(feature = "study")]
    pub(crate) fn momentum_set_to(mut self, value: f32) -> Self {
        match &mut self.momentum {
            Some(momentum) => {
                momentum.momentum = value;
                self
            }
            None => self.with_momentum(value),
        }
    }

    fn with(mut self, momentum: f32, form: MomentumForm) -> Self {
        match self.rule {
            Rule::Sgd
            | Rule::Adagrad(_)
            | Rule::RmsProp(_)
            | Rule::Lars { .. }
            | Rule::Custom(_) => {
                self.momentum = Some(Momentum {
                    momentum,
                    form,
                    nesterov: false,
                });
            }
            _ => self.invalid_setting = Some("a momentum"),
        }
        self
    }

    fn converted(&self, form: MomentumForm) -> Self {
        let mut same = self.clone();
        if let Some(momentum) = &mut same.momentum
            && momentum.form != form
        {
            momentum.form = form;
            same.lr = match form {
                MomentumForm::Ema => self.lr / (1.0 - momentum.momentum),
                MomentumForm::HeavyBall => self.lr * (1.0 - momentum.momentum),
            };
        }
        same
    }
}
