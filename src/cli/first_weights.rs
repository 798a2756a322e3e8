//! First weights of a training: drawn, or read from a file or a run, under their own head or a new one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::data::Preparation;
use crate::export::{ExportError, read_network, read_safetensors, read_torch, read_torch_body};
use crate::input;
use crate::nn::{Network, Sequential};
use crate::run::{RunFolder, Which};

use super::error::{ArgError, CommandError, refused};
use super::options::ModelArgs;

/// Where the first weights come from.
#[derive(Debug)]
pub(super) struct FirstWeights {
    /// A file, or a run's folder.
    from: PathBuf,
    /// The map of its names to the model's, for files from PyTorch.
    map: Option<PathBuf>,
    /// Whether the model's last layer is drawn instead.
    new_head: bool,
}

impl FirstWeights {
    /// What the settings ask for.
    pub(super) fn new(args: ModelArgs) -> Result<Option<Self>, ArgError> {
        let (map, new_head) = (args.weights_map, args.new_head);
        match (args.weights, &map) {
            (None, Some(map)) => {
                let expected = "given beside weights, whose names it maps";
                Err(refused("weights-map", expected, &map.display().to_string()))
            }
            (None, None) if new_head => {
                let expected = "given beside weights, which the other layers begin with";
                Err(refused("new-head", expected, "no weights"))
            }
            (from, _) => Ok(from.map(|from| Self {
                from,
                map,
                new_head,
            })),
        }
    }

    /// The network that a training of `model` begins with; `seed` draws its head.
    pub(super) fn network(&self, model: Sequential, seed: u64) -> Result<Network, CommandError> {
        let Some(map) = &self.map else {
            return match self.new_head {
                false => self.read(Some(model)),
                true => Ok(Network::with_new_head(model, &self.read(None)?, seed)
                    .map_err(|error| ArgError::text("new-head", &error.to_string()))?),
            };
        };
        let names = names(map)?;
        let names: Vec<(&str, &str)> = names.iter().map(|(a, b)| (&**a, &**b)).collect();
        let read = match self.new_head {
            false => read_torch(&self.from, model, &names),
            true => read_torch_body(&self.from, model, &names, seed),
        };
        read.map_err(|error| match error {
            ExportError::MapLine { .. } | ExportError::Unmapped { .. } => {
                odd_map(map, &error.to_string()).into()
            }
            other => CommandError::from(other),
        })
    }

    /// A network of `model`, or of the model that was trained.
    fn read(&self, model: Option<Sequential>) -> Result<Network, CommandError> {
        match (self.run()?, model) {
            (Some((folder, which)), model) => {
                let run = RunFolder::read_only(folder)?;
                let model = model.map_or_else(|| run.model(), Ok)?;
                Ok(run.weights(which, model)?.1)
            }
            (None, Some(model)) => Ok(read_safetensors(&self.from, model)?),
            (None, None) => Ok(read_network(&self.from)?),
        }
    }

    /// The run that is named, if it is one.
    fn run(&self) -> Result<Option<(PathBuf, Which)>, CommandError> {
        if self.from.is_file() {
            return Ok(None);
        }
        let got = || self.from.display().to_string();
        let expected = "a file of weights, or a run's folder, with @best, @last or @STEP behind it";
        let named =
            RunFolder::named(&self.from).map_err(|_| refused("weights", expected, &got()))?;
        Ok(RunFolder::is_run(&named.0).then_some(named))
    }

    /// Refuses a run of other classes than the data's, whose outputs would be taken for these.
    pub(super) fn check_classes(
        &self,
        preparation: Option<&Preparation>,
    ) -> Result<(), CommandError> {
        let (false, Some((folder, _)), Some(own)) = (self.new_head, self.run()?, preparation)
        else {
            return Ok(());
        };
        let Some(theirs) = RunFolder::read_only(folder)?.preparation()? else {
            return Ok(());
        };
        let mut pairs = theirs.class_names.iter().zip(&own.class_names);
        let Some((theirs, ours)) = pairs.find(|(theirs, ours)| theirs != ours) else {
            return Ok(());
        };
        let expected = format!(
            "a run of this data's classes, of which one is {ours}; --new-head draws a layer for them"
        );
        Err(refused(
            "weights",
            expected,
            &format!("one of {theirs} in its place"),
        )
        .into())
    }
}

fn odd_map(map: &Path, problem: &str) -> ArgError {
    ArgError::text("weights-map", &format!("{}: {problem}", map.display()))
}

/// The pairs of names in a map, whose names may be quoted or not: `dense0.weight` is then a key in
/// a table.
fn names(map: &Path) -> Result<BTreeMap<String, String>, CommandError> {
    let text = input::read_text(map).map_err(|source| CommandError::Read {
        path: map.to_owned(),
        source,
    })?;
    let table: toml::Table = toml::from_str(&text).map_err(|error| {
        let before = text.get(..error.span().map_or(0, |span| span.start));
        let line = before.unwrap_or_default().matches('\n').count() + 1;
        let form = "each line is \"TENSOR HERE\" = \"NAME IN THE FILE\"";
        odd_map(map, &format!("line {line}: {}; {form}", error.message()))
    })?;
    let mut names = BTreeMap::new();
    flatten("", table, &mut names).map_err(|problem| odd_map(map, &problem))?;
    Ok(names)
}

/// Adds the keys of a table and of those in it, with dots between.
fn flatten(
    outer: &str,
    table: toml::Table,
    names: &mut BTreeMap<String, String>,
) -> Result<(), String> {
    for (key, value) in table {
        let name = format!("{outer}{key}");
        match value {
            toml::Value::String(theirs) => {
                if names.insert(name.clone(), theirs).is_some() {
                    return Err(format!("{name} has two lines; leave one of them out"));
                }
            }
            toml::Value::Table(inner) => flatten(&format!("{name}."), inner, names)?,
            other => {
                return Err(format!(
                    "the name in the file for {name} must be a text in quotes, got {other}"
                ));
            }
        }
    }
    Ok(())
}
