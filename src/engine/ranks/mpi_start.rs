//! Start of MPI: the library that fits the launcher, and what no training can run on.

use std::ffi::{OsString, c_int};
use std::hint::black_box;
use std::sync::OnceLock;

use bytes::BytesMut;

use super::mpi::{Functions, InFlight, Loaded, TEXT, text_of};
use super::mpi_abi::{Abi, Handles, Mpich, OPEN_MPI_WORLD, OpenMpi, Standard};
use super::mpi_library::{Launch, MpiError, VARIABLE, candidates};
use super::mpi_peers::Connection;
use super::peers::{PeerError, Peers, Tag};
use crate::sys::library::CAN_LOAD;

/// Bytes of a host's name, in the message that tells it.
const HOST: usize = 256;

/// The tag of that message, which is nobody else's.
const HOST_TAG: Tag = Tag(Tag::END);

/// Set by the first to start MPI.
static STARTED: OnceLock<()> = OnceLock::new();

/// A connection to all ranks of the launch, and whom it connects.
#[derive(Debug)]
pub(crate) struct Mpi {
    /// The connection.
    pub(crate) peers: Box<dyn Peers>,
    /// The host of each rank.
    pub(crate) hosts: Vec<String>,
    /// Which MPI: `Open MPI v4.1.4 (libmpi.so.40)`.
    pub(crate) library: String,
    /// Ends this process while a call of MPI does not return.
    pub(crate) exit: extern "C" fn(c_int) -> !,
}

impl Mpi {
    /// Loads and starts MPI, which ends in [`Peers::finish`]; all ranks call both, each from one
    /// thread.
    pub(crate) fn start() -> Result<Self, MpiError> {
        let loaded = load(&|name| std::env::var_os(name))?;
        if loaded.standard_version().is_some() {
            Starting::<Standard>::of(&loaded)?.start()
        } else if loaded.address(OPEN_MPI_WORLD).is_ok() {
            Starting::<OpenMpi>::of(&loaded)?.start()
        } else {
            Starting::<Mpich>::of(&loaded)?.start()
        }
    }
}

/// The first library that there is.
fn load(lookup: &dyn Fn(&str) -> Option<OsString>) -> Result<Loaded, MpiError> {
    if !CAN_LOAD {
        return Err(MpiError::Platform);
    }
    let mut tried = Vec::new();
    for path in candidates(lookup, &|path| std::fs::canonicalize(path).ok()) {
        let message = match Loaded::open(&path) {
            Ok(loaded) => return Ok(loaded),
            Err(message) => message,
        };
        let is_chosen = lookup(VARIABLE).is_some_and(|chosen| chosen == path);
        let path = path.display().to_string();
        if is_chosen {
            return Err(MpiError::Unloadable { path, message });
        }
        // A library that is there may lack another one, or be of another kind of machine.
        let is_missing = message.starts_with(&path) && message.contains("No such file");
        tried.push(match is_missing {
            true => path,
            false => format!("{path} ({message})"),
        });
    }
    Err(MpiError::NotFound { tried })
}

/// A library of a known kind.
struct Starting<A: Abi> {
    functions: Functions<A>,
    handles: Handles<A::Handle>,
    /// As [`Mpi::library`].
    library: String,
}

impl<A: Abi> Starting<A> {
    fn of(loaded: &Loaded) -> Result<Self, MpiError> {
        let functions = Functions::<A>::of(loaded)?;
        let (mut text, mut len) = ([0; TEXT], 0);
        let code = (functions.library_version)(&mut text, &mut len);
        functions.check("MPI_Get_library_version", code)?;
        Ok(Self {
            handles: A::handles(|name| loaded.address(name))?,
            library: format!("{} ({})", named(&text_of(&text)), loaded.name),
            functions,
        })
    }

    fn start(self) -> Result<Mpi, MpiError> {
        self.initialise()?;
        let ranks = self.connect()?;
        self.check_tags(ranks.comm)?;
        self.check_launch(ranks.num_ranks)?;
        let library = self.library;
        if !keeps_denormals() {
            return Err(MpiError::FlushesDenormals { library });
        }
        let host = host(&self.functions)?;
        let exit = self.functions.exit;
        let in_flight = InFlight::new(self.functions, self.handles, ranks.comm);
        let mut connection = Connection::new(ranks.rank, ranks.num_ranks, in_flight);
        Ok(Mpi {
            hosts: hosts(&mut connection, host)?,
            peers: Box::new(connection),
            library,
            exit,
        })
    }

    /// For threads that take turns.
    fn initialise(&self) -> Result<(), MpiError> {
        let functions = &self.functions;
        let (mut is_started, mut got) = (0, 0);
        functions.check("MPI_Initialized", (functions.initialized)(&mut is_started))?;
        if is_started != 0 || STARTED.set(()).is_err() {
            return Err(MpiError::Started);
        }
        let code = (functions.init_thread)(None, None, A::THREAD_SERIALIZED, &mut got);
        functions.check("MPI_Init_thread", code)?;
        let (library, expected) = (self.library.clone(), A::THREAD_SERIALIZED);
        match got >= expected {
            true => Ok(()),
            false => Err(MpiError::Threads {
                library,
                expected,
                got,
            }),
        }
    }

    /// A communicator of its own, whose errors come back.
    fn connect(&self) -> Result<Ranks<A::Handle>, PeerError> {
        let Self {
            functions, handles, ..
        } = self;
        let code = (functions.set_errhandler)(handles.world, handles.errors_return);
        functions.check("MPI_Comm_set_errhandler", code)?;
        let (mut comm, mut rank, mut size) = (handles.world, 0, 1);
        functions.check("MPI_Comm_dup", (functions.dup)(handles.world, &mut comm))?;
        functions.check("MPI_Comm_rank", (functions.rank)(comm, &mut rank))?;
        functions.check("MPI_Comm_size", (functions.size)(comm, &mut size))?;
        let (rank, num_ranks) = (rank as usize, size as usize);
        Ok(Ranks {
            comm,
            rank,
            num_ranks,
        })
    }

    fn check_tags(&self, comm: A::Handle) -> Result<(), MpiError> {
        let (mut most, mut is_set) = (None, 0);
        let code = (self.functions.attribute)(comm, A::TAG_UB, &mut most, &mut is_set);
        self.functions.check("MPI_Comm_get_attr", code)?;
        let got = most.filter(|_| is_set != 0).copied().unwrap_or_default();
        let expected = Tag::END as c_int;
        if got < expected {
            let library = self.library.clone();
            return Err(MpiError::Tags {
                library,
                expected,
                got,
            });
        }
        Ok(())
    }

    /// Whether MPI sees the others that the launcher started.
    fn check_launch(&self, num_ranks: usize) -> Result<(), MpiError> {
        let launch = Launch::of(&|name| std::env::var_os(name));
        match launch {
            Some(launch) if num_ranks == 1 && launch.num_ranks > 1 => Err(MpiError::Alone {
                variable: launch.variable,
                launched: launch.num_ranks,
                library: self.library.clone(),
            }),
            _ => Ok(()),
        }
    }
}

/// A communicator.
struct Ranks<H> {
    comm: H,
    rank: usize,
    num_ranks: usize,
}

/// `Open MPI v4.1.4`: libraries say much more of themselves.
fn named(version: &str) -> String {
    let first = version.split([',', '\n']).next().unwrap_or_default();
    let words = first.split_whitespace().filter(|word| *word != "Version:");
    words.collect::<Vec<_>>().join(" ")
}

/// The name of this host, and zeros.
fn host<A: Abi>(functions: &Functions<A>) -> Result<BytesMut, PeerError> {
    let (mut text, mut len) = ([0; TEXT], 0);
    let code = (functions.processor_name)(&mut text, &mut len);
    functions.check("MPI_Get_processor_name", code)?;
    Ok(BytesMut::from(&text[..HOST]))
}

/// The names of all hosts, each from its own rank.
fn hosts(peers: &mut dyn Peers, own: BytesMut) -> Result<Vec<String>, PeerError> {
    let (rank, num_ranks) = (peers.rank(), peers.num_ranks());
    let others: Vec<usize> = (0..num_ranks).filter(|&other| other != rank).collect();
    for &other in &others {
        peers.receive(other, other, HOST_TAG, BytesMut::zeroed(HOST))?;
    }
    // Comes back under its own rank.
    peers.send(rank, &others, HOST_TAG, own)?;
    let mut done = Vec::new();
    while done.len() < num_ranks {
        peers.progress(&mut done)?;
        std::thread::yield_now();
    }
    done.sort_by_key(|done| done.request);
    Ok(done.iter().map(|done| text_of(&done.memory)).collect())
}

/// Whether the smallest numbers are neither flushed to zero nor read as zero.
fn keeps_denormals() -> bool {
    let half = black_box(f32::MIN_POSITIVE) * black_box(0.5);
    let twice = black_box(f32::from_bits(1)) + black_box(f32::from_bits(1));
    half.to_bits() == f32::MIN_POSITIVE.to_bits() / 2 && twice.to_bits() == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_told_by_the_first_words_it_says() {
        let open_mpi = "Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4";
        assert_eq!(named(open_mpi), "Open MPI v4.1.4");
        let mpich = "MPICH Version:      5.0.2\nMPICH Release date: 2026";
        assert_eq!(named(mpich), "MPICH 5.0.2");
    }

    #[test]
    fn denormals_are_kept_where_no_library_changes_that() {
        assert!(keeps_denormals());
    }

    #[test]
    #[cfg(unix)]
    fn what_is_no_library_is_refused_with_its_path_and_the_reason() {
        let chosen = |name: &str| (name == VARIABLE).then(|| OsString::from("/dev/null"));
        let error = load(&chosen).unwrap_err();
        assert!(
            matches!(&error, MpiError::Unloadable { path, .. } if path == "/dev/null"),
            "{error}"
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_library_without_mpi_is_refused_with_the_function_that_it_lacks() {
        let chosen = |name: &str| (name == VARIABLE).then(|| OsString::from("libc.so.6"));
        let loaded = load(&chosen).unwrap();
        assert!(loaded.standard_version().is_none());
        let error = Starting::<Mpich>::of(&loaded).map(|_| ()).unwrap_err();
        let expected = "libc.so.6 has no MPI_Initialized: it is no MPI library";
        assert!(error.to_string().starts_with(expected), "{error}");
    }

    #[test]
    fn hosts_end_at_their_first_zero() {
        assert_eq!(text_of(b"node7\0\0rest"), "node7");
        assert_eq!(text_of(b"node7"), "node7");
    }
}
