//! Whole numbers of a configuration: every one that a flag takes. TOML's own end at 2^63, so larger
//! ones stand in quotes; both are read.

use std::fmt;
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserializer, Serializer};

/// Writes a number, in quotes if TOML has none so large.
pub(crate) fn serialize<T: Copy + TryInto<u64>, S: Serializer>(
    value: &T,
    to: S,
) -> Result<S::Ok, S::Error> {
    let value: u64 = (*value).try_into().unwrap_or(u64::MAX);
    match i64::try_from(value) {
        Ok(_) => to.serialize_u64(value),
        Err(_) => to.serialize_str(&value.to_string()),
    }
}

/// Reads a number, in quotes or without.
pub(crate) fn deserialize<'de, T: TryFrom<u64>, D: Deserializer<'de>>(
    from: D,
) -> Result<T, D::Error> {
    from.deserialize_any(Whole(PhantomData))
}

/// Writes a number that may be left out.
pub(crate) fn serialize_optional<T: Copy + TryInto<u64>, S: Serializer>(
    value: &Option<T>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serialize(value, to),
        None => to.serialize_none(),
    }
}

/// Reads a number that may be left out.
pub(crate) fn deserialize_optional<'de, T: TryFrom<u64>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    deserialize(from).map(Some)
}

/// A number or a name, in the schema.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) enum Word {
    Number(u64),
    Name(String),
}

/// Text that may stand as a bare number in a file.
pub(crate) fn word<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    from.deserialize_any(Text)
}

struct Text;

impl Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a whole number or a name")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}

struct Whole<T>(PhantomData<T>);

impl<T: TryFrom<u64>> Visitor<'_> for Whole<T> {
    type Value = T;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(
            "a whole number from 0 to 18446744073709551615 (in quotes from 9223372036854775808 on)",
        )
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<T, E> {
        T::try_from(value).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
        let whole = u64::try_from(value)
            .ok()
            .and_then(|whole| T::try_from(whole).ok());
        whole.ok_or_else(|| E::invalid_value(Unexpected::Signed(value), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        let whole = text
            .parse()
            .ok()
            .and_then(|whole: u64| T::try_from(whole).ok());
        whole.ok_or_else(|| E::invalid_type(Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Numbers {
        #[serde(with = "super")]
        one: u64,
        #[serde(
            serialize_with = "super::serialize_optional",
            deserialize_with = "super::deserialize_optional",
            default
        )]
        other: Option<usize>,
    }

    #[test]
    fn every_number_comes_back_whether_it_stands_in_quotes_or_not() {
        for one in [0, 42, i64::MAX as u64, 1 << 63, u64::MAX] {
            for other in [None, Some(7), Some(usize::MAX)] {
                let numbers = Numbers { one, other };
                let text = toml::to_string(&numbers).unwrap();
                assert_eq!(toml::from_str::<Numbers>(&text).unwrap(), numbers, "{text}");
            }
        }
        let quoted: Numbers = toml::from_str("one = \"42\"").unwrap();
        assert_eq!(quoted.one, 42);
        for odd in [
            "one = -1",
            "one = 1.5",
            "one = \"many\"",
            "one = \"18446744073709551616\"",
        ] {
            assert!(toml::from_str::<Numbers>(odd).is_err(), "{odd}");
        }
    }
}
