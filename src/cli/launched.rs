//! Several processes that a launcher (mpirun, srun) has started together: ranks of one training; of
//! other commands each would do the whole work, and write the same files, without knowing of the
//! others.

use std::time::Duration;

use crate::engine::Ranks;

use super::args::Command;
use super::error::CommandError;
use super::stdout;

/// The variable that says, with `none`, that each process is on its own.
const ALONE: &str = "UNISONO_RANKS";

/// Variables by which launchers tell a process its number: Open MPI and PRRTE, MPICH and those that
/// descend from it, PMIx, Slurm.
const NUMBERS: [&str; 6] = [
    "OMPI_COMM_WORLD_RANK",
    "PMI_RANK",
    "MV2_COMM_WORLD_RANK",
    "PALS_RANKID",
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

/// This process's number, as its launcher counts.
fn number() -> Option<String> {
    NUMBERS
        .into_iter()
        .find_map(|name| std::env::var(name).ok())
}

/// Whether this is the first process, as far as one can tell.
fn is_first() -> bool {
    number().is_none_or(|number| number == "0")
}

/// Who does a command that several processes are given together.
enum Doer {
    /// All of them, as the ranks of one training.
    All,
    /// The first one. The others have nothing to do.
    First,
    /// None: each would do all of it, for long. What to do instead.
    None(&'static str),
}

/// The table of the commands; a new one has to have its place here.
fn doer(command: &Command) -> Doer {
    match command {
        Command::Train(_) | Command::Bench(_) => Doer::All,
        Command::Scaling(args) if args.compare.is_some() || args.simulate => Doer::First,
        Command::Scaling(args) if args.never_slower => {
            Doer::None("start one, as --never-slower compares numbers of threads")
        }
        Command::Scaling(args) if !args.peer.is_empty() => {
            Doer::None("start one, as --peer measures programs of one process")
        }
        Command::Scaling(_) => Doer::All,
        // Looks at files, and writes one at most.
        Command::Config(_)
        | Command::List(_)
        | Command::Inspect { .. }
        | Command::Diff { .. }
        | Command::Compare(_)
        | Command::Eval(_)
        | Command::Predict(_)
        | Command::Generate(_)
        | Command::Explain(_)
        | Command::Export(_)
        | Command::Doctor(_)
        | Command::Completions { .. }
        | Command::Man(_)
        | Command::Data(_)
        | Command::Cache(_)
        | Command::Schedule(_) => Doer::First,
        // Trains, again and again.
        Command::Study(_) => Doer::None("start one for each part of the study, with --slice"),
        Command::Tune(_) => Doer::None("start one, whose trials run side by side"),
        Command::LrRange(_) => Doer::None("start one, whose --threads share the work"),
    }
}

/// What this process does of a command.
pub(super) enum Part {
    /// All of it: it is alone, or the first of those that were started together.
    Whole,
    /// What a rank of a training does. Only the first one speaks.
    Rank(Ranks),
    /// Nothing: the first one does it.
    Nothing,
}

/// The part of this process.
///
/// # Errors
/// [`CommandError::Several`] for work that each of them would do; [`CommandError::Mpi`].
pub(super) fn join(command: &Command) -> Result<Part, CommandError> {
    let Some((name, processes)) = several() else {
        return Ok(Part::Whole);
    };
    let remedy = match (doer(command), number()) {
        (Doer::All, _) => {
            let ranks = Ranks::of_launcher(|reason| tell!("unisono: {reason}"))?;
            let Some(ranks) = ranks else {
                return Ok(Part::Whole);
            };
            if ranks.rank() > 0 {
                stdout::silence();
            }
            return Ok(Part::Rank(ranks));
        }
        (Doer::First, Some(number)) if number == "0" => return Ok(Part::Whole),
        (Doer::First, Some(_)) => return Ok(Part::Nothing),
        (Doer::First, None) => "start one",
        (Doer::None(remedy), _) => remedy,
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
        None if is_first() => Some(String::new()),
        None => {
            std::thread::sleep(FIRST);
            None
        }
    }
}
