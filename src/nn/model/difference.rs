//! Differences between models: the first layer by which two compute something else.

use std::collections::BTreeSet;

use serde_json::Value;

use super::structure::odd;
use crate::nn::error::NnError;
use crate::nn::layers::Sequential;

/// Settings that a trained network's outputs do not depend on: how parameters begin, and what only
/// a training does.
const OF_TRAINING: [&str; 9] = [
    "weight",
    "bias",
    "init",
    "rate",
    "momentum",
    "over",
    "start",
    "is_direct",
    "debug",
];

/// The first layer in which two models differ ([`Sequential::difference`]).
///
/// ```
/// use unisono::nn::Sequential;
/// let (model, other) = (Sequential::new(8).dense(2).tanh(), Sequential::new(8).dense(2).relu());
/// let difference = model.difference(&other.to_json())?.unwrap();
/// assert_eq!(difference.expected, "activation tanh as layer 1");
/// assert_eq!(difference.got, "activation relu as layer 1");
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The one model's, with its place.
    pub expected: String,
    /// The other's.
    pub got: String,
}

impl Sequential {
    /// The first layer by which a network of this model gives other outputs than one of the model
    /// in `json`, as [`Sequential::to_json`] wrote it, with the same parameters. Settings that only
    /// a training has (initial values, the rate of dropout) are no difference.
    ///
    /// ```
    /// use unisono::nn::{Dropout, Sequential};
    /// let model = |rate| Sequential::new(8).layer(Dropout::new(rate)).dense(2);
    /// assert_eq!(model(0.5).difference(&model(0.1).to_json())?, None);
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    ///
    /// # Errors
    /// [`NnError::Json`] for another text.
    pub fn difference(&self, json: &str) -> Result<Option<Difference>, NnError> {
        let other: Value = serde_json::from_str(json).map_err(odd)?;
        let own: Value = serde_json::from_str(&self.to_json()).map_err(odd)?;
        Ok(difference(&own, &other))
    }

    /// The same, with another model's layer at `place` as whatever it is.
    pub(super) fn body_difference(
        &self,
        other: &Sequential,
        place: Option<usize>,
    ) -> Result<Option<Difference>, NnError> {
        let body = |model: &Sequential| -> Result<Value, NnError> {
            let mut json: Value = serde_json::from_str(&model.to_json()).map_err(odd)?;
            if let Some(head) = place.and_then(|place| json["layers"].get_mut(place)) {
                *head = Value::Null;
            }
            Ok(json)
        };
        Ok(difference(&body(self)?, &body(other)?))
    }
}

fn difference(own: &Value, other: &Value) -> Option<Difference> {
    // Rows first, then layer by layer.
    for what in ["input", "padding"] {
        if own[what] != other[what] {
            let text = |model: &Value| format!("{what} {}", model[what]);
            return Some(Difference {
                expected: text(own),
                got: text(other),
            });
        }
    }
    first_difference(&own["layers"], &other["layers"], "")
}

/// The first of two lists' layers that differ, looked for in their branches too.
fn first_difference(own: &Value, other: &Value, outer: &str) -> Option<Difference> {
    let empty = Vec::new();
    let list = |layers: &'_ Value| layers.as_array().cloned().unwrap_or_default();
    let (own, other) = (list(own), list(other));
    (0..own.len().max(other.len())).find_map(|index| {
        let (one, two) = (own.get(index), other.get(index));
        let place = format!("{outer}{index}");
        // Layers of one kind that are made of others: where these differ.
        if let (Some(one), Some(two)) = (one, two) {
            let (own, other) = (&one["settings"], &two["settings"]);
            let lists = |settings: &Value| {
                let branches = settings["branches"].as_array().unwrap_or(&empty).clone();
                let body = settings.get("body").cloned();
                branches.into_iter().chain(body).collect::<Vec<_>>()
            };
            let (ours, theirs) = (lists(own), lists(other));
            let is_same = brief(one) == brief(two);
            if is_same && ours.len() == theirs.len() {
                let inside = format!("{place}, ");
                let mut pairs = ours.iter().zip(&theirs);
                return pairs.find_map(|(own, other)| first_difference(own, other, &inside));
            }
        }
        let text = |layer: Option<&Value>| match layer {
            Some(layer) => format!("{} as layer {place}", brief(layer)),
            None => format!("no layer {place}"),
        };
        let (expected, got) = (text(one), text(two));
        Some(Difference { expected, got })
    })
}

/// A layer in a few words: its kind, and the settings that its outputs depend on.
fn brief(layer: &Value) -> String {
    let kind = layer["layer"].as_str().unwrap_or("?");
    let left_out: BTreeSet<&str> = OF_TRAINING
        .into_iter()
        .chain(["branches", "body"])
        .collect();
    let settings = match &layer["settings"] {
        Value::Object(settings) => {
            let told = settings.iter();
            let told = told.filter(|(name, _)| !left_out.contains(name.as_str()));
            // In order, whatever the order of the map.
            let told: BTreeSet<String> = told
                .map(|(name, value)| match value {
                    table if name == "table" => {
                        format!("{} of {}", table["vocabulary"], table["channels"])
                    }
                    value => format!("{name} {value}"),
                })
                .collect();
            told.into_iter().collect::<Vec<_>>().join(", ")
        }
        Value::Null => String::new(),
        other => other.to_string(),
    };
    format!("{kind} {settings}").trim_end().replace('"', "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Activation, Dense, Dropout, Init, Residual, presets};

    #[test]
    fn a_model_does_not_differ_from_itself() {
        for name in presets::NAMES {
            let model = presets::by_name(name).unwrap().model;
            assert_eq!(model.difference(&model.to_json()), Ok(None));
        }
    }

    #[test]
    fn models_that_compute_something_else_differ_and_those_that_only_train_otherwise_do_not() {
        let part = || Sequential::part().dense(8);
        let model = |body: Sequential| Sequential::new(8).dense(8).layer(Residual::new(body));
        let own = model(part().tanh());
        let got = |other: Sequential| own.difference(&other.to_json()).unwrap();
        let told = |other: Sequential| {
            let difference = got(other).unwrap();
            format!("{} / {}", difference.expected, difference.got)
        };
        let other = model(part().relu());
        assert_eq!(
            told(other),
            "activation tanh as layer 1, 1 / activation relu as layer 1, 1"
        );
        assert_eq!(
            told(model(part())),
            "activation tanh as layer 1, 1 / no layer 1, 1"
        );
        assert_eq!(
            told(own.clone().relu()),
            "no layer 2 / activation relu as layer 2"
        );
        assert_eq!(
            told(Sequential::new(8)),
            "dense outputs 8 as layer 0 / no layer 0"
        );
        assert_eq!(told(Sequential::new([8, 1])), "input [8] / input [8,1]");
        let leaky = |slope| Sequential::new(1).layer(Activation::LeakyRelu(slope));
        assert!(
            leaky(0.5)
                .difference(&leaky(0.25).to_json())
                .unwrap()
                .is_some()
        );
        let drawn = Dense::new(8).weight(Init::Torch);
        let other = Sequential::new(8)
            .layer(drawn)
            .layer(Residual::new(part().tanh()));
        assert_eq!(got(other), None);
        let dropped = |rate| Sequential::new(8).layer(Dropout::new(rate));
        assert_eq!(dropped(0.5).difference(&dropped(0.1).to_json()), Ok(None));
    }
}
