//! Schedules as text, read.
//!
//! ```text
//! schedule  [warmup N UNIT [from F],] shape
//! UNIT      steps | epochs | examples              the same in the whole shape
//! shape     part [then part]...
//! part      constant
//!           step F every N UNIT
//!           multistep F at N,N,N UNIT
//!           exponential F every N UNIT
//!           linear [to F] over N UNIT
//!           cosine [to F] over N UNIT
//!           restarts [to F] first N UNIT [growth F]
//!           polynomial F [to F] over N UNIT
//!           onecycle over N UNIT [rise F] [from F] [to F]
//!           wsd stable N decay N UNIT [to F]
//!           rsqrt after N UNIT
//!           any of them, then: for N UNIT          if another part follows
//! ```

use std::str::FromStr;

use crate::meant::nearest;
use crate::real::{Misread, single};

use super::super::error::OptimError;
use super::{Schedule, Shape, Unit, Warmup};

impl FromStr for Schedule {
    type Err = OptimError;

    fn from_str(text: &str) -> Result<Self, OptimError> {
        let (warmup, rest) = match text.split_once(',') {
            Some((first, rest)) if first.trim_start().starts_with("warmup") => (Some(first), rest),
            _ => (None, text),
        };
        let mut read = Reader::new(text, rest);
        let (shape, unit) = read.sequence()?;
        let warmup = warmup.map(|warmup| Reader::new(text, warmup).warmup());
        let schedule = Schedule {
            warmup: warmup.transpose()?,
            shape,
            unit,
        };
        schedule.check()?;
        Ok(schedule)
    }
}

impl TryFrom<String> for Schedule {
    type Error = OptimError;

    fn try_from(text: String) -> Result<Self, OptimError> {
        text.parse()
    }
}

impl From<Schedule> for String {
    fn from(schedule: Schedule) -> Self {
        schedule.to_string()
    }
}

/// Reads word by word.
struct Reader<'a> {
    text: &'a str,
    words: std::iter::Peekable<std::str::SplitWhitespace<'a>>,
    unit: Option<Unit>,
    /// Words that could have stood at this place, and did not.
    missed: Vec<&'static str>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, part: &'a str) -> Self {
        Self {
            text,
            words: part.split_whitespace().peekable(),
            unit: None,
            missed: Vec::new(),
        }
    }

    fn refuse(&mut self, expected: &str) -> OptimError {
        let got = self.words.peek().copied();
        OptimError::Text {
            text: self.text.to_owned(),
            expected: expected.to_owned(),
            got: got.unwrap_or("its end").to_owned(),
            meant: got.and_then(|got| nearest(got, self.missed.iter().copied())),
        }
    }

    /// Whether `word` comes next; it is taken.
    fn takes(&mut self, word: &'static str) -> bool {
        let is_next = self.words.next_if_eq(&word).is_some();
        match is_next {
            true => self.missed.clear(),
            false => self.missed.push(word),
        }
        is_next
    }

    /// Takes whatever comes next.
    fn pass(&mut self) {
        self.words.next();
        self.missed.clear();
    }

    fn word(&mut self, expected: &'static str) -> Result<(), OptimError> {
        if self.takes(expected) {
            Ok(())
        } else {
            Err(self.refuse(&format!("\"{expected}\"")))
        }
    }

    fn number<T: FromStr>(&mut self, expected: &str) -> Result<T, OptimError> {
        let parsed = self.words.peek().and_then(|word| word.parse().ok());
        let value = parsed.ok_or_else(|| self.refuse(expected))?;
        self.pass();
        Ok(value)
    }

    /// A number that single precision does not take for 0.
    fn real(&mut self, expected: &str) -> Result<f32, OptimError> {
        let read = self.words.peek().map(|word| single(word));
        match read {
            Some(Ok(value)) => {
                self.pass();
                Ok(value)
            }
            Some(Err(Misread::Vanishes)) => Err(self.refuse(&format!(
                "{expected} of at least 1e-45 (single precision), or 0"
            ))),
            _ => Err(self.refuse(expected)),
        }
    }

    /// `key F`, if it is there.
    fn option(&mut self, key: &'static str, default: f32) -> Result<f32, OptimError> {
        match self.takes(key) {
            true => self.real("a number"),
            false => Ok(default),
        }
    }

    fn unit(&mut self) -> Result<Unit, OptimError> {
        let word = self.words.peek().copied().unwrap_or_default();
        let named =
            |unit: &Unit| unit.name() == word || unit.name().strip_suffix('s') == Some(word);
        let Some(unit) = Unit::EACH.into_iter().find(named) else {
            self.missed.extend(Unit::EACH.map(Unit::name));
            return Err(self.refuse("steps, epochs or examples"));
        };
        if self.unit.is_some_and(|first| first != unit) {
            return Err(self.refuse("the same unit in the whole shape"));
        }
        self.pass();
        self.unit = Some(unit);
        Ok(unit)
    }

    /// `N UNIT`.
    fn span(&mut self) -> Result<u64, OptimError> {
        let len = self.number("a whole number")?;
        self.unit()?;
        Ok(len)
    }

    /// `key N UNIT`.
    fn keyed(&mut self, key: &'static str) -> Result<u64, OptimError> {
        self.word(key)?;
        self.span()
    }

    fn warmup(&mut self) -> Result<Warmup, OptimError> {
        let over = self.keyed("warmup")?;
        let from = self.option("from", 0.0)?;
        self.end()?;
        Ok(Warmup {
            over,
            unit: self.unit.unwrap_or_default(),
            from,
        })
    }

    fn end(&mut self) -> Result<(), OptimError> {
        match self.words.peek() {
            None => Ok(()),
            Some(_) => Err(self.refuse("its end")),
        }
    }

    fn sequence(&mut self) -> Result<(Shape, Unit), OptimError> {
        let mut parts = Vec::new();
        let last = loop {
            let shape = self.shape()?;
            if !self.takes("for") {
                break shape;
            }
            parts.push((self.span()?, shape));
            self.word("then")?;
        };
        self.end()?;
        let shape = if parts.is_empty() {
            last
        } else {
            Shape::Sequence {
                parts,
                last: Box::new(last),
            }
        };
        Ok((shape, self.unit.unwrap_or_default()))
    }

    fn shape(&mut self) -> Result<Shape, OptimError> {
        let name = self.words.peek().copied().unwrap_or_default();
        if !NAMES.contains(&name) {
            self.missed.extend(NAMES);
            self.missed.push("warmup");
            return Err(self.refuse(&format!("one of {}", NAMES.join(", "))));
        }
        self.pass();
        Ok(match name {
            "step" => Shape::Step {
                factor: self.real("a factor")?,
                every: self.keyed("every")?,
            },
            "multistep" => {
                let factor = self.real("a factor")?;
                self.word("at")?;
                Shape::MultiStep {
                    factor,
                    at: self.milestones()?,
                }
            }
            "exponential" => Shape::Exponential {
                gamma: self.real("a factor")?,
                every: self.keyed("every")?,
            },
            "linear" => Shape::Linear {
                to: self.option("to", 0.0)?,
                over: self.keyed("over")?,
            },
            "cosine" => Shape::Cosine {
                to: self.option("to", 0.0)?,
                over: self.keyed("over")?,
            },
            "restarts" => Shape::Restarts {
                to: self.option("to", 0.0)?,
                first: self.keyed("first")?,
                growth: self.option("growth", 1.0)?,
            },
            _ => return self.longer_shape(name),
        })
    }

    /// The others.
    fn longer_shape(&mut self, name: &str) -> Result<Shape, OptimError> {
        Ok(match name {
            "polynomial" => Shape::Polynomial {
                power: self.real("a power")?,
                to: self.option("to", 0.0)?,
                over: self.keyed("over")?,
            },
            "onecycle" => Shape::OneCycle {
                over: self.keyed("over")?,
                rise: self.option("rise", 0.3)?,
                from: self.option("from", 0.04)?,
                to: self.option("to", 1e-4)?,
            },
            "wsd" => {
                self.word("stable")?;
                let stable = self.number("a whole number")?;
                Shape::StableDecay {
                    stable,
                    decay: self.keyed("decay")?,
                    to: self.option("to", 0.0)?,
                }
            }
            "rsqrt" => Shape::InverseSqrt {
                after: self.keyed("after")?,
            },
            _ => Shape::Constant,
        })
    }

    fn milestones(&mut self) -> Result<Vec<u64>, OptimError> {
        let list = self.words.peek().copied().unwrap_or_default();
        let parsed: Result<Vec<u64>, _> = list.split(',').map(str::parse).collect();
        let Ok(at) = parsed else {
            return Err(self.refuse("whole numbers with commas between them and no blanks"));
        };
        self.pass();
        self.unit()?;
        Ok(at)
    }
}

const NAMES: [&str; 11] = [
    "constant",
    "step",
    "multistep",
    "exponential",
    "linear",
    "cosine",
    "restarts",
    "polynomial",
    "onecycle",
    "wsd",
    "rsqrt",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        for text in [
            "constant",
            "warmup 5 epochs, constant",
            "warmup 500 steps from 0.1, cosine to 0.01 over 90 epochs",
            "step 0.1 every 30 epochs",
            "multistep 0.1 at 30,60,80 epochs",
            "exponential 0.95 every 1 epochs",
            "linear to 0.01 over 1000 steps",
            "restarts to 0 first 10 epochs growth 2",
            "polynomial 2 to 0 over 100000 examples",
            "onecycle over 100 steps rise 0.3 from 0.04 to 0.0001",
            "wsd stable 80 decay 20 steps to 0",
            "rsqrt after 4000 steps",
            "constant for 10 epochs then cosine to 0 over 5 epochs",
        ] {
            let schedule: Schedule = text.parse().unwrap();
            assert_eq!(schedule.to_string(), text);
        }
        let short: Schedule = "onecycle over 100 steps".parse().unwrap();
        let long = "onecycle over 100 steps rise 0.3 from 0.04 to 0.0001";
        assert_eq!(short.to_string(), long);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (text, expected) in [
            ("cosin over 5 epochs", "one of constant, step"),
            ("cosine over five epochs", "a whole number"),
            ("cosine over 5", "steps, epochs or examples"),
            ("cosine over 5 epochs to 0", "its end"),
            ("multistep 0.1 at 3,,4 epochs", "whole numbers with commas"),
            ("wsd stable 5 decay 6", "steps, epochs or examples"),
            (
                "constant for 5 steps then cosine over 5 epochs",
                "the same unit",
            ),
            ("", "one of constant"),
            ("warmup 5, constant", "steps, epochs or examples"),
            ("cosine to 1e-60 over 5 epochs", "at least 1e-45"),
            ("cosine to 1 over 5 epochs", "never changes the rate"),
            (
                "constant for 3 steps then step 1 every 9 steps",
                "never changes",
            ),
            (
                "step 0.99999999999 every 5 epochs",
                "never changes the rate",
            ),
            (
                "warmup 5 epochs from 1, constant",
                "at least 0 and below 1, got 1",
            ),
        ] {
            let error = text.parse::<Schedule>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let error = "cosin over 5 epochs".parse::<Schedule>().unwrap_err();
        let end = "got \"cosin\"; did you mean cosine?";
        assert!(error.to_string().ends_with(end), "{error}");
    }
}
