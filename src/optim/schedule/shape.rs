//! Shapes of schedules: a factor of the base rate as a function of time.

use std::f64::consts::PI;

use super::super::custom::Named;
use super::super::error::{OptimError, check};

/// A factor over time t, whose unit is the schedule's.
///
/// ```
/// use unisono::optim::Shape;
/// let shape = Shape::Sequence {
///     parts: vec![(10, Shape::Constant)],
///     last: Box::new(Shape::Linear { to: 0.0, over: 4 }),
/// };
/// assert_eq!([0.0, 10.0, 11.0, 14.0].map(|t| shape.factor(t)), [1.0, 1.0, 0.75, 0.0]);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Shape {
    /// 1.
    #[default]
    Constant,
    /// factor^floor(t / every).
    Step {
        /// In (0, 1].
        factor: f32,
        /// How long each stage lasts.
        every: u64,
    },
    /// factor^(number of milestones up to t).
    MultiStep {
        /// In (0, 1].
        factor: f32,
        /// Ascending times.
        at: Vec<u64>,
    },
    /// gamma^(t / every), smoothly.
    Exponential {
        /// In (0, 1].
        gamma: f32,
        /// After how long the rate is gamma times what it was.
        every: u64,
    },
    /// A line from 1 to `to`.
    Linear {
        /// In 0..=1.
        to: f32,
        /// How long.
        over: u64,
    },
    /// to + (1 - to) (1 + cos(pi t / over)) / 2.
    Cosine {
        /// In 0..=1.
        to: f32,
        /// How long.
        over: u64,
    },
    /// The same again and again, each time `growth` times as long.
    Restarts {
        /// In 0..=1.
        to: f32,
        /// How long the first one is.
        first: u64,
        /// At least 1.
        growth: f32,
    },
    /// to + (1 - to) (1 - t / over)^power.
    Polynomial {
        /// Positive.
        power: f32,
        /// In 0..=1.
        to: f32,
        /// How long.
        over: u64,
    },
    /// Half a cosine up from `from` to 1 in the share `rise` of the time, then half a cosine down
    /// to `from to`.
    OneCycle {
        /// How long.
        over: u64,
        /// In (0, 1).
        rise: f32,
        /// In (0, 1].
        from: f32,
        /// In (0, 1].
        to: f32,
    },
    /// 1 for `stable`, then a line to `to` for `decay`: with a warm-up, the trapezoid.
    StableDecay {
        /// How long at 1.
        stable: u64,
        /// How long the decay takes.
        decay: u64,
        /// In 0..=1.
        to: f32,
    },
    /// 1 up to `after`, then sqrt(after / t).
    InverseSqrt {
        /// When the decay begins.
        after: u64,
    },
    /// One shape after another, each from its own time 0; the last goes on.
    Sequence {
        /// How long each one lasts that is followed by another.
        parts: Vec<(u64, Shape)>,
        /// What follows.
        last: Box<Shape>,
    },
    /// One of a program's own.
    Custom(CustomShape),
}

/// A shape of a program's own: a function of t / `over`.
///
/// ```
/// use unisono::optim::{CustomShape, Progress, Schedule, Unit};
/// let shape = CustomShape::new("saw", 10, |share| 1.0 - share.fract());
/// let schedule = Schedule::new(shape.into(), Unit::Steps).warmed_up(5, Unit::Steps);
/// let at = |step| schedule.lr(0.5, &Progress { step, ..Progress::default() });
/// assert_eq!([at(5), at(10), at(15)], [0.25, 0.5, 0.25]);
/// assert_eq!(schedule.to_string(), "warmup 5 steps, saw over 10 steps");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CustomShape {
    pub(super) over: u64,
    pub(super) named: Named<dyn Fn(f64) -> f64 + Send + Sync>,
}

impl CustomShape {
    /// The factor at time t is `factor(t / over)`, finite and at least 0, for shares from 0 on
    /// without end. `name` has its parameters too: a training is not resumed with a schedule of
    /// another name.
    pub fn new(
        name: impl Into<String>,
        over: u64,
        factor: impl Fn(f64) -> f64 + Send + Sync + 'static,
    ) -> Self {
        let (name, function) = (name.into(), std::sync::Arc::new(factor));
        Self {
            over,
            named: Named { name, function },
        }
    }
}

impl From<CustomShape> for Shape {
    fn from(shape: CustomShape) -> Self {
        Shape::Custom(shape)
    }
}

impl Shape {
    /// The factor at time t, at least 0.
    ///
    /// ```
    /// use unisono::optim::Shape;
    /// let shape = Shape::Linear { to: 0.5, over: 10 };
    /// assert_eq!((shape.factor(5.0), shape.factor(99.0)), (0.75, 0.5));
    /// ```
    pub fn factor(&self, t: f64) -> f64 {
        let between = |to: f32, share: f64| f64::from(to) + (1.0 - f64::from(to)) * share;
        let part = |over: u64| (t / over as f64).min(1.0);
        match self {
            Shape::Constant => 1.0,
            Shape::Step { factor, every } => {
                libm::pow(f64::from(*factor), (t / *every as f64).floor())
            }
            Shape::MultiStep { factor, at } => {
                let passed = at.iter().filter(|&&at| at as f64 <= t).count();
                libm::pow(f64::from(*factor), passed as f64)
            }
            Shape::Exponential { gamma, every } => libm::pow(f64::from(*gamma), t / *every as f64),
            Shape::Linear { to, over } => between(*to, 1.0 - part(*over)),
            Shape::Cosine { to, over } => between(*to, half_cosine(part(*over))),
            Shape::Restarts { to, first, growth } => {
                let (mut start, mut len) = (0.0, *first as f64);
                if *growth == 1.0 {
                    start = t - t % len;
                }
                while t >= start + len {
                    start += len;
                    len *= f64::from(*growth);
                }
                between(*to, half_cosine((t - start) / len))
            }
            Shape::Polynomial { power, to, over } => {
                between(*to, libm::pow(1.0 - part(*over), f64::from(*power)))
            }
            Shape::OneCycle {
                over,
                rise,
                from,
                to,
            } => {
                let (share, rise) = (part(*over), f64::from(*rise));
                if share < rise {
                    between(*from, 1.0 - half_cosine(share / rise))
                } else {
                    between(from * to, half_cosine((share - rise) / (1.0 - rise)))
                }
            }
            Shape::StableDecay { stable, decay, to } => {
                let share = ((t - *stable as f64) / *decay as f64).clamp(0.0, 1.0);
                between(*to, 1.0 - share)
            }
            Shape::InverseSqrt { after } => (*after as f64 / t.max(*after as f64)).sqrt(),
            Shape::Sequence { parts, last } => {
                let mut start = 0.0;
                for (len, shape) in parts {
                    if t < start + *len as f64 {
                        return shape.factor(t - start);
                    }
                    start += *len as f64;
                }
                last.factor(t - start)
            }
            Shape::Custom(shape) => (shape.named.function)(t / shape.over as f64),
        }
    }

    /// Whether it is 1 at all times.
    ///
    /// ```
    /// use unisono::optim::Shape;
    /// assert!(Shape::Linear { to: 1.0, over: 10 }.is_flat());
    /// assert!(!Shape::Linear { to: 0.5, over: 10 }.is_flat());
    /// ```
    pub fn is_flat(&self) -> bool {
        match self {
            Shape::Constant => true,
            Shape::Step { factor, .. }
            | Shape::MultiStep { factor, .. }
            | Shape::Exponential { gamma: factor, .. } => *factor == 1.0,
            Shape::Linear { to, .. }
            | Shape::Cosine { to, .. }
            | Shape::Restarts { to, .. }
            | Shape::Polynomial { to, .. }
            | Shape::StableDecay { to, .. } => *to == 1.0,
            Shape::OneCycle { from, to, .. } => *from == 1.0 && *to == 1.0,
            Shape::InverseSqrt { .. } | Shape::Custom(_) => false,
            Shape::Sequence { parts, last } => {
                parts.iter().all(|(_, part)| part.is_flat()) && last.is_flat()
            }
        }
    }

    /// When it has ended and stays as it is; `None` if it never does.
    pub fn end(&self) -> Option<u64> {
        match self {
            Shape::Constant
            | Shape::Step { .. }
            | Shape::MultiStep { .. }
            | Shape::Exponential { .. }
            | Shape::Restarts { .. }
            | Shape::InverseSqrt { .. }
            | Shape::Custom(_) => None,
            Shape::Linear { over, .. }
            | Shape::Cosine { over, .. }
            | Shape::Polynomial { over, .. }
            | Shape::OneCycle { over, .. } => Some(*over),
            Shape::StableDecay { stable, decay, .. } => Some(stable.saturating_add(*decay)),
            Shape::Sequence { parts, last } => {
                let lengths = parts.iter().map(|(len, _)| *len);
                let before = lengths.fold(0, u64::saturating_add);
                last.end().map(|end| before.saturating_add(end))
            }
        }
    }

    /// Lets `change` see every time there is.
    pub(in super::super) fn for_times(&mut self, change: &mut dyn FnMut(&mut u64)) {
        match self {
            Shape::Constant => {}
            Shape::Step { every: time, .. }
            | Shape::Exponential { every: time, .. }
            | Shape::Linear { over: time, .. }
            | Shape::Cosine { over: time, .. }
            | Shape::Restarts { first: time, .. }
            | Shape::Polynomial { over: time, .. }
            | Shape::OneCycle { over: time, .. }
            | Shape::InverseSqrt { after: time }
            | Shape::Custom(CustomShape { over: time, .. }) => change(time),
            Shape::MultiStep { at, .. } => at.iter_mut().for_each(change),
            Shape::StableDecay { stable, decay, .. } => {
                change(stable);
                change(decay);
            }
            Shape::Sequence { parts, last } => {
                for (len, shape) in parts {
                    change(len);
                    shape.for_times(change);
                }
                last.for_times(change);
            }
        }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`OptimError::OutOfRange`].
    pub fn check(&self) -> Result<(), OptimError> {
        match self {
            Shape::Constant => Ok(()),
            Shape::Step { factor, every } => {
                period(*every)?;
                share("the schedule's factor", *factor)
            }
            Shape::Exponential { gamma, every } => {
                period(*every)?;
                share("the schedule's factor", *gamma)
            }
            Shape::MultiStep { factor, at } => {
                let sorted = at.is_sorted_by(|a, b| a < b) && !at.is_empty();
                let first = at.first().copied().unwrap_or(0) as f32;
                check("the milestones", "some, in ascending order", first, sorted)?;
                share("the schedule's factor", *factor)
            }
            Shape::Linear { to, over } | Shape::Cosine { to, over } => ends(*to, *over),
            Shape::Restarts { to, first, growth } => {
                let grows = growth.is_finite() && *growth >= 1.0;
                check("the growth of restarts", "at least 1", *growth, grows)?;
                ends(*to, *first)
            }
            Shape::Polynomial { power, to, over } => {
                let is_valid = power.is_finite() && *power > 0.0;
                check("the power", "above 0", *power, is_valid)?;
                ends(*to, *over)
            }
            Shape::OneCycle {
                over,
                rise,
                from,
                to,
            } => {
                let is_inside = *rise > 0.0 && *rise < 1.0;
                check("the rise", "above 0 and below 1", *rise, is_inside)?;
                share("the start of the cycle", *from)?;
                share("the end of the cycle", *to)?;
                period(*over)
            }
            Shape::StableDecay { decay, to, .. } => ends(*to, *decay),
            Shape::InverseSqrt { after: len } | Shape::Custom(CustomShape { over: len, .. }) => {
                period(*len)
            }
            Shape::Sequence { parts, last } => {
                for (len, shape) in parts {
                    period(*len)?;
                    shape.check()?;
                }
                last.check()
            }
        }
    }
}

/// From 1 at 0 to 0 at 1.
fn half_cosine(share: f64) -> f64 {
    (1.0 + libm::cos(PI * share)) / 2.0
}

fn period(len: u64) -> Result<(), OptimError> {
    check("the schedule's period", "at least 1", len as f32, len > 0)
}

fn share(name: &'static str, value: f32) -> Result<(), OptimError> {
    let is_valid = value > 0.0 && value <= 1.0;
    check(name, "above 0 and at most 1", value, is_valid)
}

fn ends(to: f32, over: u64) -> Result<(), OptimError> {
    period(over)?;
    let is_valid = (0.0..=1.0).contains(&to);
    check("the schedule's end", "in 0..=1", to, is_valid)
}
