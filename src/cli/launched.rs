//! Several processes that a launcher (mpirun, srun) has started together, each of which would do the
//! whole work, without knowing of the others.

use super::args::Command;
use super::error::CommandError;

/// Variables by which launchers tell how many processes they have started: Open MPI, MPICH and those
/// that descend from it, a step of Slurm.
const SIZES: [&str; 4] = [
    "OMPI_COMM_WORLD_SIZE",
    "PMI_SIZE",
    "MV2_COMM_WORLD_SIZE",
    "SLURM_STEP_NUM_TASKS",
];

/// The variable that says, with `none`, that each process is on its own.
const ALONE: &str = "UNISONO_RANKS";

/// Refuses to do the same work in several processes.
///
/// # Errors
/// [`CommandError::Several`].
pub(super) fn refuse_several(command: &Command) -> Result<(), CommandError> {
    let works = matches!(
        command,
        Command::Train(_)
            | Command::LrRange(_)
            | Command::Bench(_)
            | Command::Scaling(_)
            | Command::Study(_)
    );
    if !works || std::env::var(ALONE).is_ok_and(|value| value == "none") {
        return Ok(());
    }
    let several = SIZES.into_iter().find_map(|name| {
        let processes: u64 = std::env::var(name).ok()?.parse().ok()?;
        (processes > 1).then_some((name, processes))
    });
    let Some((name, processes)) = several else {
        return Ok(());
    };
    Err(CommandError::Several { name, processes })
}
