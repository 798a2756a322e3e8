//! The MPI library to load: that of the launcher which started this process.
//!
//! # Order
//! 1. `UNISONO_MPI=PATH`, and no other.
//! 2. The names of the launcher's library first, by the variables that launchers set
//!    ([`Launch::VARIABLES`]), then all the others, the names that several libraries share last.
//! 3. Names of one library first in the folders beside the launcher on `PATH` (environments of conda
//!    and pip are in nobody's search path), then where the system looks.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::peers::PeerError;
use crate::sys::library::file_name;

/// Names the library to load.
pub(crate) const VARIABLE: &str = "UNISONO_MPI";

/// Value of an environment variable.
type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The file at a path, links followed; none if there is none.
type Resolve<'a> = &'a dyn Fn(&Path) -> Option<PathBuf>;

/// Why there is no MPI.
///
/// ```
/// use unisono::engine::MpiError;
/// let error = MpiError::NotFound { tried: vec!["libmpi.so.40".into(), "libmpich.so.12".into()] };
/// assert!(error.to_string().contains("install Open MPI or MPICH, or set UNISONO_MPI=PATH"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MpiError {
    /// No library was found.
    #[error(
        "no MPI library was found, tried {}; install Open MPI or MPICH, or set UNISONO_MPI=PATH to the library of the launcher",
        tried.join(", ")
    )]
    NotFound {
        /// Names and paths, in the order in which they were tried.
        tried: Vec<String>,
    },
    /// The library that was asked for cannot be loaded.
    #[error(
        "the MPI library {path} of UNISONO_MPI cannot be loaded: {message}; set it to the file that the launcher's MPI is in, such as libmpi.so.40 or libmpich.so.12"
    )]
    Unloadable {
        /// As it was given.
        path: String,
        /// What the system says.
        message: String,
    },
    /// A library without one of the functions.
    #[error(
        "{library} has no {name}: it is no MPI library, or one of another kind than Open MPI, MPICH and the standard ABI of MPI 5; set UNISONO_MPI=PATH to one of these"
    )]
    Symbol {
        /// The library.
        library: String,
        /// What it lacks.
        name: &'static str,
    },
    /// MPI was started before, by this crate or by another part of the process.
    #[error("MPI has already been started in this process, which it can be once only")]
    Started,
    /// Threads may not take turns at MPI.
    #[error(
        "{library} supports thread level {got}, expected at least {expected} (MPI_THREAD_SERIALIZED); use a build of MPI with thread support"
    )]
    Threads {
        /// The library.
        library: String,
        /// `MPI_THREAD_SERIALIZED` of this library.
        expected: i32,
        /// What it provides.
        got: i32,
    },
    /// The launcher started several processes, MPI sees one.
    #[error(
        "{variable}={launched} says that {launched} processes were started together, but {library} sees one: it is not the MPI of the launcher, or the launcher was not told of it; set UNISONO_MPI=PATH to the library of the launcher's MPI, or choose another MPI plugin of srun, such as pmix"
    )]
    Alone {
        /// The launcher's variable.
        variable: &'static str,
        /// Processes that it speaks of.
        launched: usize,
        /// The library.
        library: String,
    },
    /// Too few tags.
    #[error("{library} has room for tags up to {got}, expected {expected}; use another MPI")]
    Tags {
        /// The library.
        library: String,
        /// The largest tag that is needed.
        expected: i32,
        /// The largest that it has.
        got: i32,
    },
    /// The library has changed how this process computes.
    #[error(
        "denormal numbers become zero once {library} is loaded (FTZ or DAZ), so that the same training would end in other bits; use a build of MPI without -ffast-math"
    )]
    FlushesDenormals {
        /// The library.
        library: String,
    },
    /// The thread that gives signs of life was refused.
    #[error(
        "a thread that gives signs of life to other ranks was refused: {message}; use fewer threads"
    )]
    Thread {
        /// The system's reason.
        message: String,
    },
    /// Where libraries are not loaded this way.
    #[error("trainings of several processes need Linux or macOS")]
    Platform,
    /// A call failed.
    #[error(transparent)]
    Call(#[from] PeerError),
}

/// Processes that a launcher started together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Launch {
    /// The variable that says so.
    pub(crate) variable: &'static str,
    /// How many.
    pub(crate) num_ranks: usize,
}

impl Launch {
    /// Variables with the number of processes: of Open MPI and PRRTE, of Hydra (MPICH, Intel MPI)
    /// and all other that speak PMI, of MVAPICH2, of Cray's PALS, of srun. The last comes last: the
    /// others use srun to start their own daemons.
    pub(crate) const VARIABLES: [&str; 5] = [
        "OMPI_COMM_WORLD_SIZE",
        "PMI_SIZE",
        "MV2_COMM_WORLD_SIZE",
        "PALS_SIZE",
        "SLURM_STEP_NUM_TASKS",
    ];

    /// None in a process that was started alone, by no launcher.
    pub(crate) fn of(lookup: Lookup<'_>) -> Option<Self> {
        Self::VARIABLES.into_iter().find_map(|variable| {
            let value = lookup(variable)?;
            let num_ranks = value.to_str()?.trim().parse().ok()?;
            Some(Self {
                variable,
                num_ranks,
            })
        })
    }
}

const OPEN_MPI: &[&str] = &["libmpi.so.40"];
const MPICH: &[&str] = &["libmpich.so.12", "libmpi.so.12"];
const SHARED: &[&str] = &["libmpi_abi.so.1", "libmpi_abi.so.0", "libmpi.so"];

/// Programs that start others; their libraries are in folders beside theirs.
const LAUNCHERS: [&str; 3] = ["mpirun", "mpiexec", "prterun"];

/// Names and paths to try, the best first.
pub(crate) fn candidates(lookup: Lookup<'_>, resolve: Resolve<'_>) -> Vec<PathBuf> {
    if let Some(path) = lookup(VARIABLE).filter(|path| !path.is_empty()) {
        return vec![PathBuf::from(path)];
    }
    let launched_by = Launch::of(lookup).map(|launch| launch.variable);
    let kinds = match launched_by {
        Some("PMI_SIZE" | "MV2_COMM_WORLD_SIZE" | "PALS_SIZE") => [MPICH, OPEN_MPI, SHARED],
        _ => [OPEN_MPI, MPICH, SHARED],
    };
    // Where the first launcher of the path really lies: links lead to it.
    let path = lookup("PATH").unwrap_or_default();
    let launcher = std::env::split_paths(&path)
        .flat_map(|folder| LAUNCHERS.map(|name| folder.join(name)))
        .find_map(|program| resolve(&program));
    let prefix = launcher
        .as_deref()
        .and_then(Path::parent)
        .and_then(Path::parent);
    let mut found = Vec::new();
    for names in kinds {
        let names = || names.iter().map(|name| file_name(name));
        for folder in prefix
            .iter()
            .flat_map(|prefix| ["lib", "lib64"].map(|lib| prefix.join(lib)))
        {
            found.extend(names().filter_map(|name| resolve(&folder.join(name))));
        }
        found.extend(names().map(PathBuf::from));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A lookup in a list of variables.
    fn of<'a>(variables: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<OsString> + 'a {
        |name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| OsString::from(value))
        }
    }

    fn names(variables: &[(&str, &str)], files: &[(&str, &str)]) -> Vec<String> {
        let resolve = |path: &Path| {
            let found = files.iter().find(|(file, _)| Path::new(file) == path);
            found.map(|(_, target)| PathBuf::from(target))
        };
        let paths = candidates(&of(variables), &resolve);
        paths
            .iter()
            .map(|path| path.display().to_string())
            .collect()
    }

    #[test]
    fn the_number_of_processes_is_that_of_the_launcher_before_that_of_its_own_launcher() {
        let launched = |variables: &[(&str, &str)]| {
            Launch::of(&of(variables)).map(|launch| (launch.variable, launch.num_ranks))
        };
        assert_eq!(launched(&[]), None);
        assert_eq!(launched(&[("PMI_SIZE", "many")]), None);
        let srun = ("SLURM_STEP_NUM_TASKS", "2");
        assert_eq!(launched(&[srun]), Some(("SLURM_STEP_NUM_TASKS", 2)));
        assert_eq!(
            launched(&[srun, ("PMI_SIZE", "16")]),
            Some(("PMI_SIZE", 16))
        );
        // In a batch script outside of a step there is one process.
        assert_eq!(launched(&[("SLURM_NTASKS", "8")]), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_library_of_the_launcher_comes_first_and_what_libraries_share_last() {
        let (open_mpi, mpich) = ("libmpi.so.40", ["libmpich.so.12", "libmpi.so.12"]);
        let shared = ["libmpi_abi.so.1", "libmpi_abi.so.0", "libmpi.so"];
        let open_mpi_first = [&[open_mpi], &mpich[..], &shared].concat();
        let mpich_first = [&mpich[..], &[open_mpi], &shared].concat();
        for (variable, expected) in [
            ("OMPI_COMM_WORLD_SIZE", &open_mpi_first),
            ("PMI_SIZE", &mpich_first),
            ("MV2_COMM_WORLD_SIZE", &mpich_first),
            ("PALS_SIZE", &mpich_first),
            ("SLURM_STEP_NUM_TASKS", &open_mpi_first),
            ("HOME", &open_mpi_first),
        ] {
            assert_eq!(names(&[(variable, "2")], &[]), *expected, "{variable}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn libraries_beside_the_launcher_come_before_those_of_the_system_but_not_before_its_kind() {
        let files = [
            ("/env/bin/mpirun", "/opt/mpich/bin/mpiexec.hydra"),
            (
                "/opt/mpich/lib/libmpi.so.12",
                "/opt/mpich/lib/libmpi.so.12.5",
            ),
            (
                "/opt/mpich/lib64/libmpi.so.40",
                "/opt/mpich/lib64/libmpi.so.40",
            ),
        ];
        let found = names(&[("PMI_SIZE", "2"), ("PATH", "/bin:/env/bin")], &files);
        let expected = [
            "/opt/mpich/lib/libmpi.so.12.5",
            "libmpich.so.12",
            "libmpi.so.12",
            "/opt/mpich/lib64/libmpi.so.40",
            "libmpi.so.40",
        ];
        assert_eq!(found[..5], expected);
    }

    #[test]
    fn a_chosen_library_is_the_only_one() {
        let chosen = ("UNISONO_MPI", "/opt/libmpi.so");
        assert_eq!(names(&[chosen, ("PMI_SIZE", "2")], &[]), ["/opt/libmpi.so"]);
        assert!(names(&[("UNISONO_MPI", "")], &[]).len() > 1);
    }

    #[test]
    fn errors_name_the_thing_and_the_remedy() {
        let library = || "Open MPI v4.1.4 (libmpi.so.40)".to_owned();
        let tried = vec!["libmpi.so.40".to_owned(), "libmpi.so".to_owned()];
        let alone = MpiError::Alone {
            variable: "PMI_SIZE",
            launched: 4,
            library: library(),
        };
        let tags = MpiError::Tags {
            library: library(),
            expected: 8_388_608,
            got: 32_767,
        };
        for (error, expected) in [
            (
                MpiError::NotFound { tried },
                "no MPI library was found, tried libmpi.so.40, libmpi.so; install Open MPI or MPICH, or set UNISONO_MPI=PATH to the library of the launcher",
            ),
            (
                alone,
                "PMI_SIZE=4 says that 4 processes were started together, but Open MPI v4.1.4 (libmpi.so.40) sees one: it is not the MPI of the launcher, or the launcher was not told of it; set UNISONO_MPI=PATH to the library of the launcher's MPI, or choose another MPI plugin of srun, such as pmix",
            ),
            (
                tags,
                "Open MPI v4.1.4 (libmpi.so.40) has room for tags up to 32767, expected 8388608; use another MPI",
            ),
        ] {
            assert_eq!(error.to_string(), expected);
        }
    }
}
