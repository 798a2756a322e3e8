//! Several processes that a launcher (mpirun, srun) has started together: ranks of one training, or
//! each of which would do the whole work without knowing of the others.

use std::time::Duration;

use crate::engine::Ranks;

use super::args::Command;
use super::error::CommandError;
use super::stdout;

/// The variable that says, with `none`, that each process is on its own.
const ALONE: &str = "UNISONO_RANKS";

/// Variables by which launchers tell a process its number: Open MPI and PRRTE, MPICH and those that
/// descend from it, PMIx, Slurm.
const NUMBERS: [&str; 4] = [
    "OMPI_COMM_WORLD_RANK",
    "PMI_RANK",
    "PMIX_RANK",
    "SLURM_PROCID",
];

/// Time in which the first rank tells of an error that all have.
const FIRST: Duration = Duration::from_millis(500);

/// The launcher's variable that tells how many processes it has started, if they are several that
/// know of each other.
fn several() -> Option<(&'static str, usize)> {
    if std::env::var(ALONE).is_ok_and(|value| value == "none") {
        return None;
    }
    Ranks::launched().filter(|(_, processes)| *processes > 1)
}

/// The ranks of a training that several processes do; nothing for a process alone. Only the first
/// one speaks from then on.
///
/// # Errors
/// [`CommandError::Several`] for work that each of them would do; [`CommandError::Mpi`].
pub(super) fn join(command: &Command) -> Result<Option<Ranks>, CommandError> {
    let Some((name, processes)) = several() else {
        return Ok(None);
    };
    let remedy = match command {
        // What reads files, or asks others, is no work of several.
        Command::Scaling(args) if args.compare.is_some() => "start one, as --compare reads files",
        Command::Scaling(args) if args.simulate => "start one, as --simulate computes alone",
        Command::Scaling(args) if args.never_slower => {
            "start one, as --never-slower compares numbers of threads"
        }
        Command::Scaling(args) if !args.peer.is_empty() => {
            "start one, as --peer measures programs of one process"
        }
        Command::Train(_) | Command::Bench(_) | Command::Scaling(_) => {
            let ranks = Ranks::of_launcher(|reason| eprintln!("unisono: {reason}"))?;
            if ranks.as_ref().is_some_and(|ranks| ranks.rank() > 0) {
                stdout::silence();
            }
            return Ok(ranks);
        }
        Command::Study(_) => "start one for each part of the study, with --slice",
        Command::LrRange(_) => "start one, whose --threads share the work",
        _ => return Ok(None),
    };
    Err(CommandError::Several {
        name,
        processes,
        remedy,
    })
}

/// Ends the connection of a training that has come to its end, or was stopped.
pub(super) fn leave(ranks: &Ranks, result: Result<(), CommandError>) -> Result<(), CommandError> {
    match &result {
        Ok(()) | Err(CommandError::Stopped { .. }) => {
            ranks.finish().map_err(crate::train::TrainError::from)?;
            result
        }
        Err(_) => result,
    }
}

/// Leaves the first rank the time to speak: a launcher ends all once one has failed.
pub(super) fn wait_for_first(ranks: Option<&Ranks>) {
    if ranks.is_some_and(|ranks| ranks.rank() > 0) {
        std::thread::sleep(FIRST);
    }
}

/// Whether this process is to tell of an error, and as which rank. An error of all ranks is told
/// once: by the first, which then ends all.
pub(super) fn speaker(ranks: Option<&Ranks>) -> Option<String> {
    if several().is_none() {
        return Some(String::new());
    }
    match ranks {
        Some(ranks) => {
            wait_for_first(Some(ranks));
            Some(format!("{}: ", ranks.name(ranks.rank())))
        }
        None => {
            let number = NUMBERS
                .into_iter()
                .find_map(|name| std::env::var(name).ok());
            number.is_none_or(|number| number == "0").then(String::new)
        }
    }
}
