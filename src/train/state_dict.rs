//! State dictionary: what a training stores besides its weights and the optimiser's state, as named
//! lists of numbers, exact whatever they are.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Named lists of 64-bit numbers; reals are kept by their bits, so that infinities and the last
/// digit survive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StateDict(BTreeMap<String, Vec<u64>>);

impl StateDict {
    pub(super) fn set(&mut self, name: &str, numbers: impl IntoIterator<Item = u64>) {
        self.0
            .insert(name.to_owned(), numbers.into_iter().collect());
    }

    pub(super) fn set_reals(&mut self, name: &str, reals: impl IntoIterator<Item = f64>) {
        self.set(name, reals.into_iter().map(f64::to_bits));
    }

    /// The list, if there is one of this length.
    pub(super) fn get<const N: usize>(&self, name: &str) -> Option<[u64; N]> {
        self.0.get(name)?.as_slice().try_into().ok()
    }

    pub(super) fn get_reals<const N: usize>(&self, name: &str) -> Option<[f64; N]> {
        Some(self.get::<N>(name)?.map(f64::from_bits))
    }

    pub(super) fn reals(&self, name: &str) -> Option<Vec<f64>> {
        Some(
            self.0
                .get(name)?
                .iter()
                .map(|&bits| f64::from_bits(bits))
                .collect(),
        )
    }

    pub(super) fn to_json(&self) -> Value {
        let lists = self
            .0
            .iter()
            .map(|(name, list)| (name.clone(), list.clone().into()));
        Value::Object(lists.collect::<Map<_, _>>())
    }

    pub(super) fn from_json(value: &Value) -> Option<Self> {
        let list = |(name, list): (&String, &Value)| {
            let numbers = list.as_array()?.iter().map(Value::as_u64);
            Some((name.clone(), numbers.collect::<Option<Vec<u64>>>()?))
        };
        let lists = value.as_object()?.iter().map(list);
        Some(Self(lists.collect::<Option<_>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_json_to_the_last_bit() {
        let mut dict = StateDict::default();
        dict.set("steps", [3, u64::MAX]);
        dict.set_reals("reals", [0.1 + 0.2, f64::INFINITY, -0.0, f64::MIN_POSITIVE]);
        let text = dict.to_json().to_string();
        let read = StateDict::from_json(&serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(read, dict);
        assert_eq!(read.get::<2>("steps"), Some([3, u64::MAX]));
        assert_eq!(read.get::<1>("steps"), None);
        assert_eq!(read.reals("reals").unwrap()[0], 0.1 + 0.2);
        assert!(StateDict::from_json(&serde_json::json!({"steps": [-1]})).is_none());
    }
}
