//! Defaults of a section: those of its flags.

use clap::{Args as ClapArgs, FromArgMatches};

/// What the command line gives where it says nothing.
pub(super) fn defaults<T: ClapArgs + FromArgMatches>() -> T {
    let command = T::augment_args(clap::Command::new("unisono"));
    let matches = command.get_matches_from(["unisono"]);
    T::from_arg_matches(&matches).expect("every flag is optional")
}
