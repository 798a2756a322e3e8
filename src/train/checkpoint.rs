//! Checkpoint: weights, the optimiser's state, and all else that the next step depends on, in three
//! files.
//!
//! # Layout
//! ```text
//! step-000000090.safetensors        the weights by name, as PyTorch and others read them
//! step-000000090.state.safetensors  the optimiser's buffers `state.0`, `state.1`, ...; the best weights so far as `best`
//! step-000000090.json               {"body": text, "sha256": of the text}; the body holds the rest, and the other files' hashes
//! ```
//! The last file is written last, so a checkpoint without it was never finished. Each is written at
//! once or not at all, and synced.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::input;
use crate::nn::{Network, Sequential};
use crate::optim::AVERAGE;
use crate::output;

use super::error::TrainError;
use super::kept::{EvaluatedPart, Evaluation, Scores};
use super::metric::Metric;
use super::state::State;
use super::state_dict::StateDict;

/// What a checkpoint calls whether its weights are those of the best epoch, which early stopping
/// has restored.
pub(super) const IS_BEST: &str = "is best";

/// What a checkpoint calls the metric that chooses.
pub(super) const WATCH: &str = "metric to watch";

/// The version of the format.
const VERSION: u64 = 1;

/// All that a training goes on from, and gives the same bits as if it had never stopped.
///
/// ```
/// use std::ops::ControlFlow;
/// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}, train::{Checkpoint, Event}};
/// let (train, test) = digits();
/// let trainer = || Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy).epochs(3);
/// let mut unbroken = trainer();
/// unbroken.fit(&train, &test)?;
///
/// let (mut stopped, mut steps) = (trainer().threads(1), 0);
/// stopped.fit_observed(&train, &test, |event| {
///     steps += u32::from(matches!(event, Event::Step { .. }));
///     if steps == 70 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
/// })?;
/// let file = std::env::temp_dir().join(format!("unisono-doc-{}", std::process::id())).join("step-70.json");
/// stopped.checkpoint()?.write(&file)?;
///
/// let mut resumed = trainer().threads(3);
/// resumed.resume(Checkpoint::read(&file)?)?;
/// resumed.fit(&train, &test)?;
/// assert_eq!(resumed.network()?.weights_sha256(), unbroken.network()?.weights_sha256());
/// # std::fs::remove_dir_all(file.parent().unwrap()).unwrap();
/// # Ok::<(), unisono::TrainError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Name and shape of each tensor of the model.
    pub(super) layout: Vec<(String, Vec<usize>)>,
    pub(super) params: Vec<f32>,
    /// The optimiser's buffers, each as long as the parameters.
    pub(super) state: State,
    /// The best parameters so far, under early stopping.
    pub(super) best: Option<Vec<f32>>,
    pub(super) dict: StateDict,
    /// Settings that must not change, by name.
    pub(super) settings: BTreeMap<String, String>,
    /// What an evaluation of these weights gave, if there was one.
    pub(super) evaluation: Option<Evaluation>,
}

impl Checkpoint {
    /// Updates that have been made.
    pub fn step(&self) -> u64 {
        self.dict.get::<3>("progress").map_or(0, |[step, ..]| step)
    }

    /// Epochs that have been made whole, and evaluated.
    pub fn epochs(&self) -> u32 {
        let progress = self.dict.get::<3>("progress");
        progress.map_or(0, |[_, epochs, _]| epochs as u32)
    }

    /// What an evaluation of the weights gave on the test data, if one was made after its last
    /// step: of the average, if the optimiser keeps one.
    pub fn test(&self) -> Option<Scores> {
        self.scores(EvaluatedPart::Test)
    }

    /// The same on the validation data, of a training that has such.
    pub fn valid(&self) -> Option<Scores> {
        self.scores(EvaluatedPart::Validation)
    }

    fn scores(&self, part: EvaluatedPart) -> Option<Scores> {
        self.evaluation.and_then(|evaluation| evaluation.on(part))
    }

    /// The metric that chose until then. Checkpoints of older versions do not name it.
    pub(super) fn watch(&self) -> Metric {
        let named = self.settings.get(WATCH).and_then(|key| key.parse().ok());
        named.unwrap_or_default()
    }

    /// What the weights depend on by that name, if it is named.
    #[cfg(feature = "cli")]
    pub(crate) fn dependency(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    /// The parameters, tensor after tensor.
    pub fn params(&self) -> &[f32] {
        &self.params
    }

    /// Writes the three files, of which `path` names the last (`step-90.json`); makes the folder.
    ///
    /// # Errors
    /// [`TrainError::Write`].
    pub fn write(&self, path: &Path) -> Result<(), TrainError> {
        let failed = TrainError::write(path);
        path.parent()
            .map_or(Ok(()), output::make_folder)
            .map_err(failed)?;
        // The file that makes it a checkpoint comes last.
        let [last, weights, state] = self.to_files(path)?;
        let files = Files::of(path);
        output::write(&files.weights, &weights).map_err(failed)?;
        output::write(&files.state, &state).map_err(failed)?;
        output::write(path, last).map_err(failed)
    }

    /// The bytes of its three files, the last one first.
    pub(crate) fn to_files(&self, path: &Path) -> Result<[Vec<u8>; 3], TrainError> {
        let failed = TrainError::write(path);
        let encoded = |tensors: Vec<(String, TensorView<'_>)>| {
            safetensors::serialize(tensors, None)
                .map_err(|error| failed(std::io::Error::other(error)))
        };
        // The weights, tensor by tensor.
        let mut at = 0;
        let mut weights = Vec::new();
        for (name, shape) in &self.layout {
            let len: usize = shape.iter().product();
            let bytes = bytemuck::cast_slice(&self.params[at..at + len]);
            weights.push((name.clone(), view(shape.clone(), bytes, path)?));
            at += len;
        }
        // The optimiser's buffers, and the best weights so far.
        let mut state = Vec::new();
        for (index, buffer) in self.state.buffers.iter().enumerate() {
            let view = view(vec![buffer.len()], bytemuck::cast_slice(buffer), path)?;
            state.push((format!("state.{index}"), view));
        }
        if let Some(best) = &self.best {
            let view = view(vec![best.len()], bytemuck::cast_slice(best), path)?;
            state.push(("best".to_owned(), view));
        }
        // All else, and the hashes of both.
        let (weights, state) = (encoded(weights)?, encoded(state)?);
        let mut body = json!({
            "version": VERSION,
            "weights_sha256": hex(&weights),
            "state_sha256": hex(&state),
            "memory": self.dict.to_json(),
            "settings": self.settings,
            "tensors": self.layout.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            "state": self.state.names,
        });
        if let Some(evaluation) = self.evaluation {
            evaluation.write_to(&mut body);
        }
        let body = body.to_string();
        let last = json!({"sha256": hex(body.as_bytes()), "body": body}).to_string();
        Ok([last.into_bytes(), weights, state])
    }

    /// Reads what [`Checkpoint::write`] wrote.
    ///
    /// # Errors
    /// [`TrainError::Read`]; [`TrainError::Checkpoint`] for another version, or a file with as much
    /// as a bit that is not as it was written.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let Files { weights, state } = Files::of(path);
        let read = |path: &Path| input::read(path).map_err(TrainError::read(path));
        Self::of_files(path, &[read(path)?, read(&weights)?, read(&state)?])
    }

    /// The checkpoint in the bytes that [`Checkpoint::to_files`] gave, perhaps in another process.
    pub(crate) fn of_files(
        path: &Path,
        [last, weights, state]: &[Vec<u8>; 3],
    ) -> Result<Self, TrainError> {
        let body = body_of(path, last)?;
        let files = Files::of(path);
        check(&files.weights, weights, &body["weights_sha256"])?;
        check(&files.state, state, &body["state_sha256"])?;
        let odd = || damaged(path, "the parts of a checkpoint", "others");
        // The weights, in the model's order: the file has an order of its own.
        let (mut layout, mut params) = (Vec::new(), Vec::new());
        let tensors = SafeTensors::deserialize(weights).map_err(|_| odd())?;
        for name in body["tensors"].as_array().ok_or_else(odd)? {
            let name = name.as_str().ok_or_else(odd)?;
            let view = tensors.tensor(name).map_err(|_| odd())?;
            layout.push((name.to_owned(), view.shape().to_vec()));
            params.extend(reals(&view));
        }
        // The optimiser's buffers, and the best weights so far.
        let tensors = SafeTensors::deserialize(state).map_err(|_| odd())?;
        let named: HashMap<String, TensorView<'_>> = tensors.tensors().into_iter().collect();
        let buffers = (0..).map_while(|index| named.get(&format!("state.{index}")));
        let settings = body["settings"].as_object().ok_or_else(odd)?.iter();
        Ok(Self {
            layout,
            params,
            state: State {
                names: serde_json::from_value(body["state"].clone()).unwrap_or_default(),
                buffers: buffers.map(reals).collect(),
            },
            best: named.get("best").map(reals),
            dict: StateDict::from_json(&body["memory"]).ok_or_else(odd)?,
            settings: settings
                .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect(),
            evaluation: Evaluation::in_body(&body),
        })
    }
}

impl Checkpoint {
    /// A network of `model` with the weights that the checkpoint at `path` keeps, as
    /// [`crate::Trainer::network`] would give them: the average of the weights where the optimiser
    /// keeps one.
    ///
    /// ```no_run
    /// use unisono::{nn::Sequential, train::Checkpoint};
    /// let file = "runs/first/checkpoints/step-000000090.json";
    /// let network = Checkpoint::network(file.as_ref(), Sequential::new(64).dense(10))?;
    /// # Ok::<(), unisono::TrainError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Checkpoint::read`]; [`TrainError::Resume`] if it is of another model.
    pub fn network(path: &Path, model: Sequential) -> Result<Network, TrainError> {
        let file = Files::of(path).weights;
        let body = body(path)?;
        let bytes = whole(&file, &body["weights_sha256"])?;
        let tensors = SafeTensors::deserialize(&bytes)
            .map_err(|error| damaged(&file, "a file of safetensors", &error.to_string()))?;
        let other = |expected: String, got: String| TrainError::Resume {
            what: "the model".to_owned(),
            expected,
            got,
        };
        let layout = model.layout()?;
        let (own, known) = (layout.tensors().len(), tensors.len());
        if own != known {
            return Err(other(format!("{own} tensors"), known.to_string()));
        }
        // Compared before anything is made in the model's size.
        let mut params = Vec::new();
        for tensor in layout.tensors() {
            let expected = || format!("{} of shape {:?}", tensor.name, tensor.shape);
            let view = tensors
                .tensor(&tensor.name)
                .map_err(|_| other(expected(), "none of that name".to_owned()))?;
            if view.shape() != tensor.shape || view.dtype() != Dtype::F32 {
                return Err(other(expected(), format!("{:?}", view.shape())));
            }
            params.extend(reals(&view));
        }
        // What the training keeps may be the average of the weights.
        if let Some(average) = average(path, &body)? {
            params = average;
        }
        Ok(Network::with_params(model, params)?)
    }
}

/// The average of the weights in a checkpoint's state, if there is one and it is what the training
/// keeps.
fn average(path: &Path, body: &Value) -> Result<Option<Vec<f32>>, TrainError> {
    let names = body["state"].as_array().map_or(&[][..], Vec::as_slice);
    let has_average = names.last().is_some_and(|name| name == AVERAGE);
    let dict = StateDict::from_json(&body["memory"]).unwrap_or_default();
    let is_best = dict.get(IS_BEST) == Some([1]);
    if !has_average || is_best {
        return Ok(None);
    }
    let file = Files::of(path).state;
    let state = whole(&file, &body["state_sha256"])?;
    let name = format!("state.{}", names.len() - 1);
    let odd = || damaged(&file, &format!("a buffer {name}"), "none");
    let tensors = SafeTensors::deserialize(&state).map_err(|_| odd())?;
    // A training that has made no step has no state yet.
    let is_empty = tensors.is_empty();
    match tensors.tensor(&name) {
        Ok(view) => Ok(Some(reals(&view))),
        Err(_) if is_empty => Ok(None),
        Err(_) => Err(odd()),
    }
}

/// The other two files of a checkpoint.
pub(super) struct Files {
    pub(super) weights: PathBuf,
    pub(super) state: PathBuf,
}

impl Files {
    pub(super) fn of(path: &Path) -> Self {
        Self {
            weights: path.with_extension("safetensors"),
            state: path.with_extension("state.safetensors"),
        }
    }
}

/// The body of a checkpoint's last file.
pub(super) fn body(path: &Path) -> Result<Value, TrainError> {
    let text = input::read(path).map_err(TrainError::read(path))?;
    body_of(path, &text)
}

fn body_of(path: &Path, text: &[u8]) -> Result<Value, TrainError> {
    let odd = || {
        damaged(
            path,
            "a checkpoint's last file, as it was written",
            "another",
        )
    };
    let last: Value = serde_json::from_slice(text).map_err(|_| odd())?;
    let (sha256, body) = last["sha256"]
        .as_str()
        .zip(last["body"].as_str())
        .ok_or_else(odd)?;
    if hex(body.as_bytes()) != sha256 {
        return Err(odd());
    }
    let body: Value = serde_json::from_str(body).map_err(|_| odd())?;
    match body["version"].as_u64() {
        Some(VERSION) => Ok(body),
        other => Err(damaged(
            path,
            &format!("a checkpoint of version {VERSION}"),
            &format!("version {}", other.unwrap_or(0)),
        )),
    }
}

/// The bytes of a file, if they have this hash.
fn whole(path: &Path, sha256: &Value) -> Result<Vec<u8>, TrainError> {
    let bytes = input::read(path).map_err(TrainError::read(path))?;
    check(path, &bytes, sha256)?;
    Ok(bytes)
}

/// Refuses bytes of a file that have not this hash.
fn check(path: &Path, bytes: &[u8], sha256: &Value) -> Result<(), TrainError> {
    let got = hex(bytes);
    if sha256.as_str() != Some(&got) {
        let expected = format!("the file with sha256 {}", sha256.as_str().unwrap_or("?"));
        return Err(damaged(path, &expected, &got));
    }
    Ok(())
}

fn damaged(path: &Path, expected: &str, got: &str) -> TrainError {
    TrainError::Checkpoint {
        path: path.to_owned(),
        expected: expected.to_owned(),
        got: got.to_owned(),
    }
}

fn view<'a>(shape: Vec<usize>, bytes: &'a [u8], path: &Path) -> Result<TensorView<'a>, TrainError> {
    TensorView::new(Dtype::F32, shape, bytes)
        .map_err(|error| damaged(path, "tensors that fit their shapes", &error.to_string()))
}

fn reals(view: &TensorView<'_>) -> Vec<f32> {
    let values = view.data().as_chunks::<4>().0.iter();
    values.map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

fn hex(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}
