//! Settings of a measurement of scaling, and the measurement itself.

use std::io::IsTerminal;
use std::time::Duration;

use crate::engine::Ranks;
use crate::study::scaling::{Mode, Results, Scaling, ScalingError, threads_with_cores};

use crate::cli::config::preset_in;
use crate::cli::error::{ArgError, CommandError, refused, refused_name};
use crate::cli::output::command_line;
use crate::cli::scaling_args::ScalingArgs;
use crate::cli::stdout::tell_at_once;
use crate::cli::threads::{default_threads, powers_up_to, threads};

/// Rows of a batch where nothing is said.
pub(super) const BATCH_SIZE: usize = 128;

/// Those of a measurement on `launched`.
pub(super) fn settings(
    args: &ScalingArgs,
    launched: Option<&Ranks>,
) -> Result<Scaling, CommandError> {
    // Values that the command line cannot check by itself.
    let mode = |name: &str| match name.trim() {
        "strong" => Ok(Mode::Strong),
        "weak" => Ok(Mode::Weak),
        other => {
            let refused = refused("mode", "strong, weak or strong,weak", other);
            Err(refused_name(refused, other, ["strong", "weak"]))
        }
    };
    let all = launched.map_or(1, Ranks::num_ranks);
    Ok(Scaling {
        ranks: match args.ranks.is_empty() {
            true => powers_up_to(all),
            false => args.ranks.clone(),
        },
        threads: match (&args.threads, launched) {
            (Some(list), _) => threads("threads", list)?,
            (None, None) => default_threads()?,
            // As many as every rank has cores for.
            (None, Some(ranks)) => {
                let most = threads_with_cores(ranks).map_err(ScalingError::from)?;
                powers_up_to(most)
            }
        },
        launched: launched.cloned(),
        modes: args.mode.split(',').map(mode).collect::<Result<_, _>>()?,
        batch_size: args.batch_size.unwrap_or(BATCH_SIZE),
        budget: budget(args)?,
        half_width: args.half_width,
        seed: args.seed,
        peers: args.peer.clone(),
        ..Scaling::new(preset_in(&args.preset, &args.precision)?)
    })
}

pub(super) fn budget(args: &ScalingArgs) -> Result<Duration, ArgError> {
    humantime::parse_duration(&args.budget)
        .map_err(|_| refused("budget", "a time such as 20s or 5m", &args.budget))
}

pub(super) fn measured(scaling: &Scaling) -> Result<Results, ScalingError> {
    let shows = std::io::stderr().is_terminal();
    let mut results = scaling.run(|round, half_width| {
        if shows {
            let within = if half_width.is_finite() {
                format!(", medians within {:.1} %", 100.0 * half_width)
            } else {
                String::new()
            };
            tell_at_once(format_args!("\rround {round}{within} "));
        }
    })?;
    if shows {
        note!("");
    }
    results.command = command_line();
    Ok(results)
}
