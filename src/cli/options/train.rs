//! All sections of a configuration.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cli::choices::SPLITS;

use super::data::DataArgs;
use super::engine::EngineArgs;
use super::loss::LossArgs;
use super::model::ModelArgs;
use super::optim::{BatchArgs, OptimArgs};
use super::run::RunArgs;

/// All options of a training.
#[derive(Clone, Debug, Default, PartialEq, ClapArgs, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,

    #[command(flatten)]
    pub(crate) data: DataArgs,

    #[command(flatten)]
    pub(crate) loss: LossArgs,

    #[command(flatten)]
    #[serde(rename = "optimizer")]
    pub(crate) optim: OptimArgs,

    #[command(flatten)]
    pub(crate) batch: BatchArgs,

    #[command(flatten)]
    pub(crate) engine: EngineArgs,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

impl TrainArgs {
    /// Makes every path of a file or a folder what `of` makes of it; names that stand where a path
    /// may stay.
    pub(crate) fn map_paths(&mut self, of: impl Fn(&Path) -> PathBuf) {
        let (data, model) = (&mut self.data, &mut self.model);
        let paths = [
            &mut data.data,
            &mut data.valid,
            &mut data.test,
            &mut model.weights,
            &mut model.weights_map,
        ];
        for path in paths.into_iter().flatten() {
            *path = of(path);
        }
        if let Some(cache) = data
            .cache
            .as_mut()
            .filter(|path| *path != Path::new("none"))
        {
            *cache = of(cache);
        }
        let named = [
            (&mut data.tokens, &["characters", "bytes"][..]),
            (&mut data.split, &SPLITS),
        ];
        for (given, names) in named {
            if let Some(path) = given
                .as_mut()
                .filter(|given| !names.contains(&given.as_str()))
            {
                *path = of(path.as_ref()).to_string_lossy().into_owned();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_mapped_and_no_name_is() {
        for split in SPLITS {
            let mut args = TrainArgs::default();
            let data = &mut args.data;
            let file = |name: &str| Some(PathBuf::from(name));
            (data.data, data.valid, data.test) = (file("a"), file("b"), file("c"));
            (args.model.weights, args.model.weights_map) = (file("d"), file("e"));
            data.split = Some(split.to_owned());
            data.tokens = Some("bytes".to_owned());
            data.cache = file("none");
            args.map_paths(|path| Path::new("below").join(path));
            let json = serde_json::to_string(&args).unwrap();
            for path in ["a", "b", "c", "d", "e"] {
                assert!(
                    json.contains(&format!("\"below/{path}\"")),
                    "{path}: {json}"
                );
            }
            assert_eq!(json.matches("below").count(), 5, "{json}");
        }
    }
}
