//! Ranks: several processes that train together, with the bits of one.
//!
//! Each rank has workers of its own, all parameters, and the optimiser's state of its part of them.
//! All run the same steps: every rank opens the data, draws the same order, computes its shards of a
//! batch and takes the same decision. What goes between ranks in a step are the sums of its shards'
//! gradients, to the rank that owns a part of the parameters, the reports, and the new parameters.
//!
//! # Files, from the bottom up
//! | file | what |
//! |---|---|
//! | `group` | the workers of all ranks, as one rank sees them |
//! | `peers` | what carries bytes: the trait |
//! | `local`, `mpi` | between threads of a process; between processes |
//! | `tags`, `header`, `wire` | numbers, heads and bodies of messages |
//! | `launch` | the ranks that a launcher has started, and their signs of life |
//! | `sink` | where messages go |
//! | `hub` | routes what comes into mailboxes |
//! | `first` | the first of the ranks as a group of their own, while the others wait |
//! | `link` | what messages cost, measured |
//! | `replicas` | whether all have the same parameters |
//! | `letters`, `pass_gather` | what each rank tells each other one, between steps and within one |

mod first;
pub(crate) mod group;
pub(crate) mod header;
pub(crate) mod hub;
mod launch;
pub(crate) mod letters;
mod link;
mod local;
mod mpi;
mod mpi_abi;
mod mpi_library;
mod mpi_parts;
mod mpi_peers;
mod mpi_start;
pub(crate) mod pass_gather;
pub(crate) mod peers;
pub(crate) mod replicas;
mod sink;
pub(crate) mod tags;
pub(crate) mod wire;

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use bytes::BufMut;

pub use link::LinkCosts;
pub use mpi_library::MpiError;
pub use peers::PeerError;

use crate::sync::Mutex;

use header::{Header, Operation};
use hub::Hub;
use letters::Letters;
use local::Local;

use super::affinity::{Neighbours, Placement, mask};
use super::error::{EngineError, RankDifference};
use super::failure::FailureLatch;
use super::mailbox::{Aborted, Progress, Waiting, Watch};

/// Where a rank is.
///
/// ```
/// use unisono::{Trainer, data::digits, engine::Ranks, nn::{Loss, Sequential}};
/// let (train, test) = digits();
/// std::thread::scope(|scope| {
///     for ranks in Ranks::in_process(2) {
///         let trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy);
///         let mut trainer = trainer.epochs(0).threads(1).ranks(ranks);
///         let (train, test) = (&train, &test);
///         scope.spawn(move || {
///             let placements = trainer.fit(train, test).unwrap().setup.ranks;
///             assert_eq!((placements.len(), placements[1].threads), (2, 1));
///         });
///     }
/// });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RankPlacement {
    /// The name of its host; empty within one process.
    pub host: String,
    /// Its workers.
    pub threads: usize,
    /// The core of each; empty if they are not pinned.
    pub cores: Vec<usize>,
}

/// The processes that train together, as one of them sees them.
///
/// Two ranks within one process, each on a thread, give the bits of one:
/// ```
/// use unisono::{Trainer, data::digits, engine::Ranks, nn::{Loss, Sequential}};
/// let (train, test) = digits();
/// let trained = |ranks: Option<Ranks>| {
///     let trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy);
///     let mut trainer = trainer.epochs(2).threads(1);
///     if let Some(ranks) = ranks {
///         trainer = trainer.ranks(ranks);
///     }
///     trainer.fit(&train, &test).unwrap();
///     trainer.network().unwrap().weights_sha256()
/// };
/// let alone = trained(None);
/// std::thread::scope(|scope| {
///     let ranks = Ranks::in_process(2).into_iter();
///     let threads: Vec<_> = ranks.map(|ranks| scope.spawn(|| trained(Some(ranks)))).collect();
///     for thread in threads {
///         assert_eq!(thread.join().unwrap(), alone);
///     }
/// });
/// ```
#[derive(Clone)]
pub struct Ranks {
    hub: Arc<Hub>,
    /// For what is told outside a run.
    letters: Arc<Mutex<Letters>>,
    /// Which MPI.
    library: Option<Arc<str>>,
}

impl Debug for Ranks {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.hub.fmt(f)
    }
}

impl Ranks {
    /// `num_ranks` ranks within this process, each to be used on a thread of its own: to try what a
    /// training of several ranks does, without MPI.
    pub fn in_process(num_ranks: usize) -> Vec<Self> {
        let of = |local| {
            let hosts = vec![String::new(); num_ranks];
            Self::new(Hub::new(Box::new(local), hosts))
        };
        Local::group(num_ranks).into_iter().map(of).collect()
    }

    fn new(hub: Hub) -> Self {
        let hub = Arc::new(hub);
        let letters = Letters::new(&hub, tags::GATHERS);
        Self {
            hub,
            letters: Arc::new(Mutex::new(letters)),
            library: None,
        }
    }

    /// This process's number, from 0.
    pub fn rank(&self) -> usize {
        self.hub.rank()
    }

    /// Processes.
    pub fn num_ranks(&self) -> usize {
        self.hub.num_ranks()
    }

    /// The MPI library that connects them, such as `Open MPI v4.1.4 (libmpi.so.40)`; none within
    /// one process.
    pub fn library(&self) -> Option<&str> {
        self.library.as_deref()
    }

    /// The name of a rank's host; empty within one process.
    pub fn host(&self, rank: usize) -> &str {
        self.hub.host_of(rank)
    }

    /// Bytes that this rank has sent to others so far.
    pub fn sent_bytes(&self) -> u64 {
        self.hub.sent_bytes()
    }

    /// A rank with its host, for messages.
    pub fn name(&self, rank: usize) -> String {
        self.hub.name(rank)
    }

    /// Everyone's bytes, by rank; all ranks must call it.
    ///
    /// # Errors
    /// [`EngineError::Broken`] if another rank is lost, or does something else.
    pub fn gather(&self, own: &[u8]) -> Result<Vec<Vec<u8>>, EngineError> {
        if self.num_ranks() == 1 {
            return Ok(vec![own.to_vec()]);
        }
        let letters = &mut *self.letters.lock();
        let header = Header::new(Operation::Gather, 0, 0);
        exchange(letters, header, own, Waiting::Spin, &*self.hub)?;
        let of = |rank| {
            if rank == self.rank() {
                own.to_vec()
            } else {
                letters.body(rank).to_vec()
            }
        };
        Ok((0..self.num_ranks()).map(of).collect())
    }

    /// Refuses a training whose ranks differ: `own` has a value for each thing; all ranks must call
    /// it.
    ///
    /// # Errors
    /// [`EngineError::RanksDiffer`] names the first that is not the same; [`EngineError::Broken`]
    /// as [`Ranks::gather`].
    pub fn compare(&self, own: &[(&str, String)]) -> Result<(), EngineError> {
        let text = |values: &[(&str, String)]| {
            let lines = values
                .iter()
                .map(|(what, value)| format!("{what}\t{value}"));
            lines.collect::<Vec<_>>().join("\n")
        };
        let here = text(own);
        let all = self.gather(here.as_bytes())?;
        // Of two ranks that differ each names the other.
        for (rank, there) in all.iter().enumerate() {
            let there = String::from_utf8_lossy(there);
            let differing = here.lines().zip(there.lines().chain([""]));
            let Some((here, there)) = { differing }.find(|(here, there)| here != there) else {
                continue;
            };
            let part = |line: &str| {
                let (what, value) = line.split_once('\t').unwrap_or((line, ""));
                (what.to_owned(), value.to_owned())
            };
            let (what, here) = part(here);
            return Err(Box::new(RankDifference {
                rank: self.name(rank),
                what,
                there: part(there).1,
                here,
            })
            .into());
        }
        Ok(())
    }

    /// The ranks on this one's host that may use the same cores.
    ///
    /// # Errors
    /// As [`Ranks::gather`].
    pub(crate) fn neighbours(&self) -> Result<Neighbours, EngineError> {
        let own = format!("{}\n{}", self.hub.host_of(self.rank()), mask());
        let all = self.gather(own.as_bytes())?;
        let same = |bytes: &&Vec<u8>| bytes.as_slice() == own.as_bytes();
        Ok(Neighbours {
            count: all.iter().filter(same).count(),
            index: all[..self.rank()].iter().filter(same).count(),
        })
    }

    /// Where all ranks are, of which this one is at `own`.
    ///
    /// # Errors
    /// As [`Ranks::gather`].
    pub(crate) fn placements(&self, own: &Placement) -> Result<Vec<RankPlacement>, EngineError> {
        let mut bytes = (own.num_threads as u64).to_le_bytes().to_vec();
        let cores = own.cores.iter();
        bytes.extend(cores.flat_map(|&core| (core as u64).to_le_bytes()));
        let all = self.gather(&bytes)?;
        let place = |(rank, bytes): (usize, &Vec<u8>)| {
            let (numbers, _) = bytes.as_chunks();
            let mut numbers = numbers
                .iter()
                .map(|&number| u64::from_le_bytes(number) as usize);
            RankPlacement {
                host: self.hub.host_of(rank).to_owned(),
                threads: numbers.next().unwrap_or(1),
                cores: numbers.collect(),
            }
        };
        Ok(all.iter().enumerate().map(place).collect())
    }

    /// Ends the training of all ranks: their calls fail with `reason`. Other processes learn of it
    /// when this one ends.
    pub fn abort(&self, reason: &str) {
        self.hub.abort(reason);
    }

    pub(crate) fn hub(&self) -> &Hub {
        &self.hub
    }

    pub(crate) fn shared_hub(&self) -> &Arc<Hub> {
        &self.hub
    }
}

/// Tells all other ranks `own`, and awaits what each of them tells.
fn exchange(
    letters: &mut Letters,
    header: Header,
    own: &[u8],
    waiting: Waiting,
    peers: &dyn Progress,
) -> Result<(), EngineError> {
    watched(peers, waiting, |watch| {
        letters.write(watch, |body| body.put_slice(own))?;
        letters.open(Some(header));
        letters.exchange(watch, header)
    })
}

/// Waits for other ranks outside a run.
fn watched<T>(
    peers: &dyn Progress,
    waiting: Waiting,
    run: impl FnOnce(Watch<'_>) -> Result<T, Aborted>,
) -> Result<T, EngineError> {
    let latch = FailureLatch::new();
    let watch = Watch {
        waiting,
        latch: &latch,
        note: None,
        peers: Some(peers),
    };
    run(watch).map_err(|Aborted| EngineError::Broken {
        reason: latch.reason().unwrap_or_else(|| "a rank left".to_owned()),
    })
}
