//! Schedules as text, written as they are read.

use std::fmt;

use super::{CustomShape, Schedule, Shape, Warmup};

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Warmup { over, unit, from }) = self.warmup {
            write!(f, "warmup {over} {}", unit.name())?;
            if from != 0.0 {
                write!(f, " from {from}")?;
            }
            write!(f, ", ")?;
        }
        write(f, &self.shape, self.unit.name())
    }
}

fn write(f: &mut fmt::Formatter<'_>, shape: &Shape, unit: &str) -> fmt::Result {
    match shape {
        Shape::Constant => write!(f, "constant"),
        Shape::Step { factor, every } => write!(f, "step {factor} every {every} {unit}"),
        Shape::MultiStep { factor, at } => {
            let at: Vec<_> = at.iter().map(u64::to_string).collect();
            write!(f, "multistep {factor} at {} {unit}", at.join(","))
        }
        Shape::Exponential { gamma, every } => {
            write!(f, "exponential {gamma} every {every} {unit}")
        }
        Shape::Linear { to, over } => write!(f, "linear to {to} over {over} {unit}"),
        Shape::Cosine { to, over } => write!(f, "cosine to {to} over {over} {unit}"),
        Shape::Restarts { to, first, growth } => {
            write!(f, "restarts to {to} first {first} {unit} growth {growth}")
        }
        Shape::Polynomial { power, to, over } => {
            write!(f, "polynomial {power} to {to} over {over} {unit}")
        }
        Shape::OneCycle {
            over,
            rise,
            from,
            to,
        } => write!(
            f,
            "onecycle over {over} {unit} rise {rise} from {from} to {to}"
        ),
        Shape::StableDecay { stable, decay, to } => {
            write!(f, "wsd stable {stable} decay {decay} {unit} to {to}")
        }
        Shape::InverseSqrt { after } => write!(f, "rsqrt after {after} {unit}"),
        Shape::Custom(CustomShape { over, named }) => {
            write!(f, "{} over {over} {unit}", named.name)
        }
        Shape::Sequence { parts, last } => {
            for (len, part) in parts {
                write(f, part, unit)?;
                write!(f, " for {len} {unit} then ")?;
            }
            write(f, last, unit)
        }
    }
}
