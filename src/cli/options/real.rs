//! Real numbers of a configuration: TOML's have double precision, these settings single. A number
//! is written with its own shortest digits, 0.1 as 0.1, and read back as the same bits.

use serde::Serializer;

/// Writes a number.
pub(crate) fn serialize<S: Serializer>(value: &f32, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(shortest(*value))
}

/// Writes a number that may be left out.
pub(crate) fn serialize_optional<S: Serializer>(
    value: &Option<f32>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serialize(value, to),
        None => to.serialize_none(),
    }
}

/// The number in double precision that has the fewest digits and rounds to `value`.
fn shortest(value: f32) -> f64 {
    let exact = f64::from(value);
    let digits = value.to_string().parse().unwrap_or(exact);
    // Rounding twice, digits to double to single precision, may end elsewhere.
    if digits as f32 == value {
        digits
    } else {
        exact
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Serialize, Deserialize)]
    struct Numbers {
        #[serde(serialize_with = "super::serialize")]
        one: f32,
        #[serde(serialize_with = "super::serialize_optional", default)]
        other: Option<f32>,
    }

    #[test]
    fn every_number_comes_back_as_the_same_bits() {
        // A walk over all exponents and both signs, and the ends.
        let walk = (0..200_000_u32).map(|step| f32::from_bits(step.wrapping_mul(2_654_435_769)));
        let ends = [0.0, -0.0, f32::MAX, f32::MIN_POSITIVE, f32::EPSILON, 1e-45];
        let decimals = (0..20_000).map(|step| step as f32 / 10_000.0);
        for one in walk.chain(ends).chain(decimals) {
            if one.is_nan() {
                continue;
            }
            let other = Some(one);
            let text = toml::to_string(&Numbers { one, other }).unwrap();
            let read: Numbers = toml::from_str(&text).unwrap();
            let bits = (read.one.to_bits(), read.other.map(f32::to_bits));
            assert_eq!(bits, (one.to_bits(), Some(one.to_bits())), "{text}");
        }
    }

    #[test]
    fn digits_are_those_that_were_typed() {
        let numbers = Numbers {
            one: 0.1,
            other: None,
        };
        assert_eq!(toml::to_string(&numbers).unwrap(), "one = 0.1\n");
    }
}
