//! Estimate: a value with its interval, which says no more than its samples can bear.

use std::ops::RangeInclusive;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// The fewest samples of which there is a 95 % interval: of fewer, only their range is told.
///
/// ```
/// use unisono::stats::{Estimate, FEWEST};
/// let of = |samples| Estimate::new(2.0, 1.9..=2.1, samples);
/// assert_eq!(of(FEWEST).to_string(), "2.000 (1.900 to 2.100)");
/// assert_eq!(of(FEWEST - 1).to_string(), "2.000 (range of 5: 1.900 to 2.100)");
/// ```
pub const FEWEST: usize = 6;

/// A value of some samples, with its 95 % interval if they are six or more, with their range if
/// they are two to five.
///
/// ```
/// use unisono::stats::Estimate;
/// let of = |samples| Estimate::new(1.92, 1.88..=1.95, samples);
/// assert_eq!(of(6).to_string(), "1.920 (1.880 to 1.950)");
/// assert_eq!(of(5).to_string(), "1.920 (range of 5: 1.880 to 1.950)");
/// assert_eq!(of(1).to_string(), "1.920");
/// assert_eq!((of(1).bounds(), of(6).bounds()), (None, Some((1.88, 1.95))));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The value of all samples together.
    pub value: f64,
    /// How many there are.
    pub samples: usize,
    low: f64,
    high: f64,
    is_range: bool,
}

impl Estimate {
    /// `value`, of `samples` samples, with the ends of its interval; of fewer than six, of their
    /// range.
    pub fn new(value: f64, bounds: RangeInclusive<f64>, samples: usize) -> Self {
        let (low, high) = bounds.into_inner();
        Self {
            value,
            samples,
            low,
            high,
            is_range: samples < FEWEST,
        }
    }

    /// The same with a range, however many samples there are.
    pub(crate) fn with_range(self) -> Self {
        Self {
            is_range: true,
            ..self
        }
    }

    /// The ends of the interval or the range; `None` of one sample.
    pub fn bounds(&self) -> Option<(f64, f64)> {
        (self.samples > 1).then_some((self.low, self.high))
    }

    /// The ends of the 95 % interval; `None` of fewer than six samples.
    pub fn interval(&self) -> Option<(f64, f64)> {
        self.bounds().filter(|_| !self.is_range)
    }

    /// Half the width of interval or range, as a share of the value; infinite of one sample.
    pub fn half_width(&self) -> f64 {
        match self.bounds() {
            Some((low, high)) => (high - low) / (2.0 * self.value.abs()),
            None => f64::INFINITY,
        }
    }

    /// Whether `value` lies in the interval or the range; of one sample nothing can be left out.
    pub fn contains(&self, value: f64) -> bool {
        self.bounds()
            .is_none_or(|(low, high)| (low..=high).contains(&value))
    }

    /// In text, each number by `number`.
    ///
    /// ```
    /// use unisono::stats::Estimate;
    /// let share = Estimate::new(0.981, 0.979..=0.983, 3);
    /// assert_eq!(share.text(|x| format!("{:.1}", 100.0 * x)), "98.1 (range of 3: 97.9 to 98.3)");
    /// ```
    pub fn text(&self, number: impl Fn(f64) -> String) -> String {
        let value = number(self.value);
        let Some((low, high)) = self.bounds() else {
            return value;
        };
        let (low, high) = (number(low), number(high));
        match self.interval() {
            Some(_) => format!("{value} ({low} to {high})"),
            None => format!("{value} (range of {}: {low} to {high})", self.samples),
        }
    }
}

impl std::fmt::Display for Estimate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text(|number| format!("{number:.3}")))
    }
}

impl Serialize for Estimate {
    /// As a map of `value`, `samples`, and what they bear: `low` and `high` with `interval`, "95 %"
    /// or "range".
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("value", &self.value)?;
        map.serialize_entry("samples", &self.samples)?;
        if let Some((low, high)) = self.bounds() {
            map.serialize_entry("low", &low)?;
            map.serialize_entry("high", &high)?;
            let interval = if self.is_range { "range" } else { "95 %" };
            map.serialize_entry("interval", interval)?;
        }
        map.end()
    }
}

/// The spread of a sample that tables and captions speak of, for estimates of so many samples each.
///
/// ```
/// use unisono::stats::spread_text;
/// assert_eq!(spread_text([20, 20]), "with 95 % bootstrap intervals");
/// assert_eq!(spread_text([3]), "with the ranges of 3 samples, too few for intervals");
/// assert_eq!(spread_text([1, 1]), "of one sample each, without intervals");
/// assert_eq!(spread_text([3, 9]), "with 95 % bootstrap intervals; of fewer than 6 samples their ranges");
/// ```
pub fn spread_text(samples: impl IntoIterator<Item = usize>) -> String {
    let mut counts: Vec<usize> = samples.into_iter().collect();
    counts.sort_unstable();
    let (least, most) = match counts[..] {
        [] => return "with 95 % bootstrap intervals".to_owned(),
        [least, .., most] => (least, most),
        [one] => (one, one),
    };
    match (least, most) {
        (FEWEST.., _) => "with 95 % bootstrap intervals".to_owned(),
        (_, FEWEST..) => {
            format!("with 95 % bootstrap intervals; of fewer than {FEWEST} samples their ranges")
        }
        (_, ..=1) => "of one sample each, without intervals".to_owned(),
        _ if least == most => format!("with the ranges of {most} samples, too few for intervals"),
        _ => format!("with the ranges of at most {most} samples, too few for intervals"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Bootstrap;
    use crate::stats::median_of;

    fn median(samples: &[f64]) -> Estimate {
        let bootstrap = Bootstrap::new(samples.len(), 500, 1);
        bootstrap.estimate(|rounds| median_of(samples, rounds))
    }

    #[test]
    fn an_interval_says_what_its_samples_can_bear() {
        let samples = [3.0, 1.0, 2.0, 5.0, 4.0, 6.0, 7.0];
        let told = |n: usize| {
            let estimate = median(&samples[..n]);
            let json = serde_json::to_value(estimate).unwrap();
            (estimate.to_string(), json)
        };
        let (text, json) = told(1);
        assert_eq!(text, "3.000");
        assert!(json["low"].is_null() && json["interval"].is_null());
        for (n, low, high) in [(2, 1.0, 3.0), (3, 1.0, 3.0), (5, 1.0, 5.0)] {
            let (text, json) = told(n);
            assert!(
                text.contains(&format!("(range of {n}: {low:.3} to {high:.3})")),
                "{text}"
            );
            assert_eq!(
                (&json["interval"], &json["low"]),
                (&"range".into(), &low.into())
            );
        }
        for n in [6, 7] {
            let (text, json) = told(n);
            assert!(!text.contains("range"), "{text}");
            assert_eq!(
                (&json["interval"], &json["samples"]),
                (&"95 %".into(), &n.into())
            );
            assert!(median(&samples[..n]).interval().is_some());
        }
    }

    #[test]
    fn the_range_of_two_sets_is_of_every_one_with_every_other() {
        let (one, other) = ([1.0, 3.0], [2.0, 4.0, 8.0]);
        let draws = |n| Bootstrap::new(n, 500, 1);
        let ratio =
            draws(2).estimate_two(&draws(3), |a, b| median_of(&one, a) / median_of(&other, b));
        assert_eq!((ratio.samples, ratio.value), (2, 0.5));
        assert_eq!(ratio.bounds(), Some((0.125, 1.5)));
        assert_eq!(ratio.interval(), None);
        let alone = draws(1).estimate_two(&draws(3), |_, b| median_of(&other, b));
        assert_eq!((alone.bounds(), alone.contains(99.0)), (None, true));
    }
}
