//! Ranges of the numbers that flags and keys take: each is read from its text, by clap for a flag,
//! through the same flag for a key of a file or of `--set`.
//!
//! # Why this way
//! A message repeats what was written. After rounding, 0.9999999999 would be "1", 1e400 "inf" and
//! 1e-60 a 0 that nobody asked for.

use crate::cli::choices::any_of;
use crate::meant::{did_you_mean, nearest};
use crate::real::{Misread, double, single};

/// A range of real numbers. Its readers say of a text what it should have been.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reals {
    expected: &'static str,
    holds: fn(f64) -> bool,
}

pub(crate) const NOT_NEGATIVE: Reals = Reals {
    expected: "finite and at least 0",
    holds: |value| value.is_finite() && value >= 0.0,
};

pub(crate) const POSITIVE: Reals = Reals {
    expected: "finite and above 0",
    holds: |value| value.is_finite() && value > 0.0,
};

/// With 0: that of no momentum, or of no change.
pub(crate) const FRACTION: Reals = Reals {
    expected: "at least 0 and below 1",
    holds: |value| (0.0..1.0).contains(&value),
};

pub(crate) const SHARE: Reals = Reals {
    expected: "above 0 and below 1",
    holds: |value| value > 0.0 && value < 1.0,
};

/// From `expected`, which names both ends.
pub(crate) const fn within(expected: &'static str, holds: fn(f64) -> bool) -> Reals {
    Reals { expected, holds }
}

impl Reals {
    /// Reads a number in single precision.
    pub(crate) fn single(self) -> impl Fn(&str) -> Result<f32, String> + Clone + Send + Sync {
        move |text| {
            let value = single(text).map_err(|odd| self.odd(odd, "single", f32::from_bits(1)))?;
            if (self.holds)(f64::from(value)) {
                return Ok(value);
            }
            // Rounded to an end that the range does not have, or beyond all numbers.
            let is_rounded = double(text).is_ok_and(self.holds);
            let precision = if is_rounded {
                " in single precision"
            } else {
                ""
            };
            Err(format!("{}{precision}", self.expected))
        }
    }

    /// Reads a number in double precision.
    pub(crate) fn double(self) -> impl Fn(&str) -> Result<f64, String> + Clone + Send + Sync {
        move |text| {
            let value = double(text).map_err(|odd| self.odd(odd, "double", f64::from_bits(1)))?;
            let holds = (self.holds)(value);
            holds.then_some(value).ok_or(self.expected.to_owned())
        }
    }

    fn odd(self, odd: Misread, precision: &str, least: impl std::fmt::LowerExp) -> String {
        match odd {
            Misread::NoNumber => format!("a number {}", self.expected),
            Misread::Vanishes => format!(
                "{}, and at least {least:e} where it is not 0 ({precision} precision)",
                self.expected
            ),
        }
    }
}

/// Reads a whole number from `least` to `most`.
pub(crate) fn whole<T: TryFrom<u64>>(
    least: u64,
    most: u64,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync {
    move |text| {
        let value = text
            .parse()
            .ok()
            .filter(|value| within_ends(*value, least, most));
        let value = value.and_then(|value: u64| T::try_from(value).ok());
        value.ok_or_else(|| whole_text(least, most))
    }
}

/// Reads a number of rows of a batch.
pub(crate) fn rows() -> impl Fn(&str) -> Result<usize, String> + Clone + Send + Sync {
    whole(1, u32::MAX.into())
}

/// Reads any whole number of its type.
pub(crate) fn any_whole<T: TryFrom<u64> + TypeEnd>()
-> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync {
    whole(0, T::END)
}

/// The largest number of a type.
pub(crate) trait TypeEnd {
    const END: u64;
}

impl TypeEnd for u32 {
    const END: u64 = u32::MAX as u64;
}

impl TypeEnd for u64 {
    const END: u64 = u64::MAX;
}

/// Reads a whole number from 1 to `most`, or one of `words`, as the text that it is.
pub(crate) fn whole_or(
    most: u64,
    words: &'static [&'static str],
) -> impl Fn(&str) -> Result<String, String> + Clone + Send + Sync {
    move |text| {
        let is_whole = text.parse().is_ok_and(|value| within_ends(value, 1, most));
        if is_whole || words.contains(&text) {
            return Ok(text.to_owned());
        }
        let range = whole_text(1, most);
        let expected = any_of(&[&[&*range], words].concat());
        let meant = nearest(text, words.iter().copied());
        Err(format!("{expected}{}", did_you_mean(meant)))
    }
}

fn within_ends(value: u64, least: u64, most: u64) -> bool {
    (least..=most).contains(&value)
}

fn whole_text(least: u64, most: u64) -> String {
    format!("a whole number from {least} to {most}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_number_should_have_been_is_said_of_the_text_as_it_is() {
        let momentum = FRACTION.single();
        assert_eq!((momentum("0.5"), momentum("0")), (Ok(0.5), Ok(0.0)));
        let expected = "at least 0 and below 1";
        assert_eq!(momentum("1"), Err(expected.to_owned()));
        let rounded = Err(format!("{expected} in single precision"));
        assert_eq!(momentum("0.9999999999"), rounded);
        let tiny = momentum("1e-60").unwrap_err();
        assert!(tiny.ends_with("at least 1e-45 where it is not 0 (single precision)"));
        assert_eq!(momentum("x"), Err(format!("a number {expected}")));
        assert!(POSITIVE.double()("1e400").is_err() && POSITIVE.double()("nan").is_err());
        assert_eq!(
            NOT_NEGATIVE.single()("1e39").unwrap_err(),
            "finite and at least 0 in single precision"
        );
    }

    #[test]
    fn whole_numbers_have_ends_and_may_have_names() {
        let rows = whole::<u32>(1, 9);
        assert_eq!(rows("9"), Ok(9));
        for odd in ["0", "10", "-1", "1.0", "", "99999999999999999999"] {
            assert_eq!(
                rows(odd).unwrap_err(),
                "a whole number from 1 to 9",
                "{odd}"
            );
        }
        let threads = whole_or(4, &["auto"]);
        assert_eq!(threads("auto").as_deref(), Ok("auto"));
        assert_eq!(
            threads("5").unwrap_err(),
            "a whole number from 1 to 4 or auto"
        );
    }
}
