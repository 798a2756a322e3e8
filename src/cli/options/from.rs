//! Sources of settings besides flags, `--config` and `--set`, and how results are printed.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use crate::cli::choices::TABLE_FORMATS;

/// Where settings come from besides flags.
#[derive(Debug, ClapArgs)]
pub(crate) struct FromArgs {
    /// Take the settings of this TOML file (`unisono config` prints one); flags and --set take
    /// precedence
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Set a key of the configuration, such as optimizer.lr=0.1; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
}

/// How tables are printed.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct TableArgs {
    /// Print the tables alone, for a paper or a page: latex (booktabs) or markdown; text is the
    /// terminal's
    #[arg(long, default_value = "text", value_name = "NAME", conflicts_with = "json", value_parser = TABLE_FORMATS.parser())]
    pub(crate) format: String,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, ClapArgs)]
pub(crate) struct JsonArgs {
    /// Print one JSON object instead
    #[arg(long)]
    pub(crate) json: bool,
}
