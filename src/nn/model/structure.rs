//! Models as JSON: written beside their weights, and read back.
//!
//! # Layout
//! ```text
//! {"input": [64], "padding": null, "layers": [
//!   {"layer": "dense", "settings": {"outputs": 32, "weight": "torch", "bias": "zeros"}},
//!   {"layer": "activation", "settings": "relu"},
//!   {"layer": "residual", "settings": {"join": "sum", "branches": [[LAYERS], [LAYERS]]}},
//!   {"layer": "own", "settings": {"name": "gain", "debug": "Gain { by: 2.0 }"}}]}
//! ```
//! Kinds and settings are names of the format: what has been written once must be read for ever, so
//! a test holds all of them (`structure_format.jsonl`).

use serde::Deserialize;

use super::presets::Subsample;
use crate::nn::core::{Activation, layers_json};
use crate::nn::error::NnError;
use crate::nn::kernel::Precision;
use crate::nn::layers::{
    Attention, BatchNorm, Conv, Dense, Dropout, Embedding, Join, Norm, Parallel, Pool, Positions,
    Recurrent, Reshape, Residual, Sequential, Softmax,
};

impl Sequential {
    /// The model as JSON, for [`Sequential::from_json`]: input, padding, the precision of products
    /// unless it is `f32`, and every layer with its settings. The same model is the same text in every build.
    ///
    /// ```
    /// use unisono::nn::Sequential;
    /// let text = Sequential::new(64).relu().flatten().to_json();
    /// assert_eq!(text, r#"{"input":[64],"padding":null,"layers":[{"layer":"activation","settings":"relu"},{"layer":"reshape","settings":null}]}"#);
    /// ```
    pub fn to_json(&self) -> String {
        let input = serde_json::to_string(self.input_shape()).expect("a shape is plain numbers");
        let padding = serde_json::to_string(&self.padding_value()).expect("it is a number");
        let layers = layers_json(self.layers());
        let precision = match self.products() {
            Precision::F32 => String::new(),
            other => format!(r#""precision":"{other}","#),
        };
        format!(r#"{{"input":{input},"padding":{padding},{precision}"layers":{layers}}}"#)
    }

    /// The model that [`Sequential::to_json`] wrote.
    ///
    /// ```
    /// use unisono::nn::{Sequential, presets};
    /// let gpt = presets::by_name("gpt").unwrap().model;
    /// assert_eq!(Sequential::from_json(&gpt.to_json())?, gpt);
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    ///
    /// # Errors
    /// [`NnError::Json`] for another text; [`NnError::OwnLayer`] for a model with a layer that is
    /// not one of this crate.
    pub fn from_json(text: &str) -> Result<Self, NnError> {
        let model: ModelText = serde_json::from_str(text).map_err(odd)?;
        let mut read = Self::new(model.input).precision(model.precision);
        if let Some(value) = model.padding {
            read = read.padding(value);
        }
        with_layers(read, model.layers, "")
    }
}

/// The error of a text that is no model.
pub(super) fn odd(error: serde_json::Error) -> NnError {
    NnError::Json {
        problem: error.to_string(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelText {
    input: Vec<usize>,
    padding: Option<f32>,
    #[serde(default)]
    precision: Precision,
    layers: Vec<LayerText>,
}

#[derive(Deserialize)]
#[serde(tag = "layer", content = "settings", rename_all = "snake_case")]
enum LayerText {
    Activation(Activation),
    Attention(Attention),
    BatchNorm(BatchNorm),
    Conv(Conv),
    Dense(Dense),
    Dropout(Dropout),
    Embedding(Embedding),
    Norm(Norm),
    Pool(Pool),
    Positions(Positions),
    Recurrent(Recurrent),
    Reshape(Reshape),
    Softmax(Softmax),
    Subsample(Subsample),
    Residual(Branches),
    Parallel(Branches),
    TiedEmbedding {
        table: Embedding,
        body: Vec<LayerText>,
    },
    Own {
        name: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Branches {
    join: Join,
    branches: Vec<Vec<LayerText>>,
}

impl Branches {
    fn parts(self, place: &str) -> Result<(Join, Vec<Sequential>), NnError> {
        let branches = self.branches.into_iter();
        let part = |layers| with_layers(Sequential::part(), layers, place);
        Ok((self.join, branches.map(part).collect::<Result<_, _>>()?))
    }
}

/// `model` with these layers added, which stand at `outer` of a larger one.
fn with_layers(
    model: Sequential,
    layers: Vec<LayerText>,
    outer: &str,
) -> Result<Sequential, NnError> {
    let mut layers = layers.into_iter().enumerate();
    layers.try_fold(model, |model, (index, layer)| {
        with_layer(model, layer, &format!("{outer}{index}"))
    })
}

fn with_layer(model: Sequential, layer: LayerText, place: &str) -> Result<Sequential, NnError> {
    let inside = format!("{place}, ");
    Ok(match layer {
        LayerText::Activation(layer) => model.layer(layer),
        LayerText::Attention(layer) => model.layer(layer),
        LayerText::BatchNorm(layer) => model.layer(layer),
        LayerText::Conv(layer) => model.layer(layer),
        LayerText::Dense(layer) => model.layer(layer),
        LayerText::Dropout(layer) => model.layer(layer),
        LayerText::Embedding(layer) => model.layer(layer),
        LayerText::Norm(layer) => model.layer(layer),
        LayerText::Pool(layer) => model.layer(layer),
        LayerText::Positions(layer) => model.layer(layer),
        LayerText::Recurrent(layer) => model.layer(layer),
        LayerText::Reshape(layer) => model.layer(layer),
        LayerText::Softmax(layer) => model.layer(layer),
        LayerText::Subsample(layer) => model.layer(layer),
        LayerText::Residual(branches) => {
            let (_, parts) = branches.parts(&inside)?;
            let [body, shortcut] = <[_; 2]>::try_from(parts).map_err(|parts| NnError::Json {
                problem: format!("a residual with {} branches, expected 2", parts.len()),
            })?;
            model.layer(Residual::with_shortcut(body, shortcut))
        }
        LayerText::Parallel(branches) => {
            let (join, parts) = branches.parts(&inside)?;
            model.layer(Parallel::joined(parts, join))
        }
        LayerText::TiedEmbedding { table, body } => {
            let body = with_layers(Sequential::part(), body, &inside)?;
            model.layer(table.with_body(body))
        }
        LayerText::Own { name } => {
            let place = place.to_owned();
            return Err(NnError::OwnLayer { place, name });
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Fan, Init, presets};

    /// Every layer with every setting that it has a name for.
    fn all() -> Vec<Sequential> {
        let images = Sequential::new([16, 16, 2])
            .layer(Conv::d2(4, 3).stride(2).padding(1).groups(2).direct())
            .layer(BatchNorm::new().over_batch())
            .layer(Activation::LeakyRelu(0.01))
            .layer(Subsample {
                stride: 1,
                padding: 2,
            })
            .layer(Norm::group(2))
            .layer(Pool::max(2))
            .layer(Pool::adaptive_average(2, 2))
            .layer(Reshape::to([4, 8]))
            .layer(Reshape::flatten())
            .layer(
                Dense::new(3)
                    .weight(Init::KaimingNormal(Fan::Out, 0.5))
                    .without_bias(),
            )
            .layer(Softmax);
        let inside = Sequential::part()
            .layer(Norm::rms())
            .layer(Attention::new(2).causal());
        let texts = Sequential::new([8])
            .padding(0.0)
            .layer(Embedding::new(9, 4))
            .layer(Positions::new())
            .layer(Residual::new(inside.clone()))
            .layer(Parallel::concat([inside, Sequential::part()]))
            .layer(Recurrent::gru(3).layers(2).bidirectional())
            .layer(Recurrent::relu(3).carry_state())
            .layer(Dropout::new(0.25))
            .layer(Conv::d1(4, 3).causal().dilation(2));
        let tied = Sequential::part()
            .layer(Activation::Elu(1.0))
            .layer(Norm::layer());
        let tied = Sequential::new([8]).layer(Embedding::tied(9, 4, tied));
        vec![images, texts, tied]
    }

    #[test]
    fn every_layer_and_every_preset_is_read_back_as_it_was() {
        let presets = presets::NAMES
            .iter()
            .map(|name| presets::by_name(name).unwrap().model);
        for model in all().into_iter().chain(presets) {
            let text = model.to_json();
            let read = Sequential::from_json(&text).unwrap();
            assert_eq!(read, model, "{text}");
            assert_eq!(read.to_json(), text);
        }
    }

    /// What files hold since 0.1: other text here cannot be read back by what comes later.
    #[test]
    fn the_format_is_the_one_that_files_hold() {
        let written: Vec<String> = all().iter().map(Sequential::to_json).collect();
        let format = include_str!("structure_format.jsonl");
        assert_eq!(written, format.lines().collect::<Vec<_>>());
    }

    #[test]
    fn what_is_no_model_is_refused() {
        let of = |layer: &str| format!(r#"{{"input":[4],"padding":null,"layers":[{layer}]}}"#);
        let refused = |text: &str| Sequential::from_json(text).unwrap_err().to_string();
        for odd in [
            "".to_owned(),
            "{}".to_owned(),
            of(r#"{"layer":"dens","settings":null}"#),
            of(r#"{"layer":"dense","settings":{"outputs":3}}"#),
            of(
                r#"{"layer":"dense","settings":{"outputs":3,"weight":"torch","bias":null,"more":1}}"#,
            ),
            of(r#"{"layer":"residual","settings":{"join":"sum","branches":[[]]}}"#),
            of(&(r#"{"layer":"residual","settings":{"join":"sum","branches":[["#.repeat(20_000))),
        ] {
            let error = refused(&odd);
            assert!(
                error.starts_with("the text is no model as"),
                "{odd}: {error}"
            );
        }
        let own = of(r#"{"layer":"own","settings":{"name":"gain","debug":"Gain"}}"#);
        assert!(refused(&own).starts_with("layer 0 (gain) is code of its author's own"));
    }
}
