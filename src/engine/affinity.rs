//! Placement: how many threads this process uses, and the core of each.
//!
//! # Rules
//! 1. Only cores of the process's own affinity mask count, and no more of them than its cgroup
//!    quota pays for.
//! 2. `auto` is the number of *physical* cores among them: SMT siblings share the units that a
//!    kernel needs. A trainer lowers it where a step has too little work ([`Threads::AtMost`]).
//! 3. Threads that take every physical core of the mask are pinned, distinct physical cores first.
//!    Fewer threads leave cores to others, and to other trainings: two processes that each chose a
//!    core would choose the same one. They are not pinned, unless [`Pinning::Always`] asks for it:
//!    the system then puts them where there is room.
//! 4. More threads than cores: never pinned, and said.
//! 5. "Pinned" is what the system confirms: a thread is pinned to each of the cores, one after the
//!    other, and asks where it may run.
//!
//! # Why this way
//! `core_affinity` sees the mask but not the quota, `available_parallelism` the smaller of both but
//! no core numbers; so both are asked, by the calling thread, before any worker is pinned. A thread
//! keeps its core in all that it starts, so rayon's pool, which data sets and replicas may use, is
//! started before there are pinned workers ([`Placement::of_process`]).

use super::error::{EngineError, at_most};
use super::mailbox::Waiting;
use super::shard::part;
use crate::sys::cores;

/// Threads that an engine is planned for.
const MOST_THREADS: usize = 4_096;

/// How many worker threads to use.
///
/// ```
/// use unisono::engine::{Pinning, Placement, Threads};
/// assert_eq!(Placement::of_process(Threads::Fixed(3), Pinning::Auto)?.num_threads, 3);
/// let auto = Placement::of_process(Threads::Auto, Pinning::Auto)?;
/// assert!((1..=auto.num_usable_cores).contains(&auto.num_threads));
/// # Ok::<(), unisono::engine::EngineError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Threads {
    /// The physical cores that this process may use.
    #[default]
    Auto,
    /// As [`Threads::Auto`], but at most this number, itself at least 1.
    AtMost(usize),
    /// Exactly this number, at least 1, even if there are fewer cores.
    Fixed(usize),
}

/// Whether workers are pinned to cores.
///
/// A thread inherits the core of the one that starts it. Threads that a data set, a replica or an
/// observer starts on a pinned worker would share its core for good: start them before
/// [`crate::Trainer::fit`] or use [`Pinning::Off`]. Rayon's global pool is started in time.
///
/// ```
/// use unisono::engine::{Pinning, Placement, Threads};
/// let placement = Placement::of_process(Threads::Fixed(1), Pinning::Off)?;
/// assert!(!placement.is_pinned() && placement.cores.is_empty());
/// # Ok::<(), unisono::engine::EngineError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pinning {
    /// Pin where the workers take every physical core that the process may use; fewer leave room
    /// for others, and are not pinned.
    #[default]
    Auto,
    /// Pin where there is a core for every worker, from the first core on: for a machine on which
    /// nothing else runs.
    Always,
    /// Never pin.
    Off,
}

/// What was decided: the number of threads, their cores, and how they wait.
///
/// ```
/// use unisono::engine::{Pinning, Placement, Threads};
/// let placement = Placement::of_process(Threads::Fixed(4_000), Pinning::Auto)?;
/// assert!(placement.warning().is_some() && !placement.is_pinned());
/// assert_eq!(placement.num_running(), placement.num_usable_cores);
/// # Ok::<(), unisono::engine::EngineError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Placement {
    /// What was asked for.
    pub requested: Threads,
    /// What is used.
    pub num_threads: usize,
    /// Cores that this process may use: those of its mask, as far as its quota reaches.
    pub num_usable_cores: usize,
    /// Physical cores among them; `None` where the system does not tell, and each is counted as one.
    pub num_physical: Option<usize>,
    /// How workers wait for each other.
    pub waiting: Waiting,
    /// The core of each worker; empty if they are not pinned.
    pub cores: Vec<usize>,
}

impl Placement {
    /// Decides for this process as it is now. Where it is to be pinned, rayon's global pool is
    /// started first, on all cores.
    ///
    /// # Errors
    /// [`EngineError::NoThreads`] if no threads were asked for.
    pub fn of_process(requested: Threads, pinning: Pinning) -> Result<Self, EngineError> {
        Self::among(requested, pinning, &Neighbours::default())
    }

    /// The same for one of several processes that may use the same cores: each takes its share.
    pub(crate) fn among(
        requested: Threads,
        pinning: Pinning,
        neighbours: &Neighbours,
    ) -> Result<Self, EngineError> {
        let mask = cores::mask();
        let in_mask = mask.len();
        let quota = std::thread::available_parallelism().map_or(1, usize::from);
        let mut found = Vec::new();
        let mut are_known = in_mask > 0;
        for id in mask {
            let sibling = cores::first_sibling(id);
            are_known &= sibling.is_some();
            found.push(Core {
                id,
                physical: sibling.unwrap_or(id),
            });
        }
        let hardware = Hardware {
            cores: found,
            quota,
            physical: if are_known {
                PhysicalCores::ByCore
            } else {
                cores::num_physical(in_mask).map_or(PhysicalCores::Unknown, PhysicalCores::Count)
            },
        };
        // More processes than cores: some core has two.
        let is_crowded = neighbours.count > 1 && neighbours.count > hardware.num_cores();
        let mut placement = Self::decide(requested, pinning, hardware.share(neighbours))?;
        if is_crowded {
            placement.waiting = Waiting::Block;
            placement.cores.clear();
        }
        if placement.is_pinned() {
            // Started by a pinned worker, all of its threads would share that worker's core.
            rayon::current_num_threads();
            if !are_confirmed(&placement.cores) {
                placement.cores.clear();
            }
        }
        Ok(placement)
    }

    fn decide(
        requested: Threads,
        pinning: Pinning,
        hardware: Hardware,
    ) -> Result<Self, EngineError> {
        let quota = hardware.quota;
        // One logical core of each physical one first; SMT siblings last.
        let (mut ordered, mut siblings) = (Vec::<Core>::new(), Vec::new());
        for core in hardware.cores {
            let taken = ordered.iter().any(|other| other.physical == core.physical);
            if taken {
                siblings.push(core)
            } else {
                ordered.push(core)
            }
        }
        // Where the mask cannot be read there is nothing to pin to, but the quota still counts.
        let within_quota = |cores: &[Core]| match cores {
            [] => quota,
            cores => cores.len().min(quota),
        };
        let num_physical = match hardware.physical {
            PhysicalCores::Count(all) => within_quota(&ordered).min(all),
            PhysicalCores::ByCore | PhysicalCores::Unknown => within_quota(&ordered),
        };
        let in_mask = ordered.len();
        ordered.append(&mut siblings);
        let num_usable_cores = within_quota(&ordered);
        let num_threads = match requested {
            Threads::Auto => num_physical.max(1),
            Threads::AtMost(0) | Threads::Fixed(0) => return Err(EngineError::NoThreads),
            Threads::AtMost(n) => num_physical.clamp(1, n),
            Threads::Fixed(n) => at_most("threads", n, MOST_THREADS)?,
        };
        // Pinned where there is a core for each, and it is wanted.
        let fits = num_threads <= num_usable_cores;
        let wanted = match pinning {
            Pinning::Off => false,
            Pinning::Auto => num_threads >= in_mask,
            Pinning::Always => true,
        };
        let pinned = fits && wanted && !ordered.is_empty();
        let cores = if pinned {
            ordered[..num_threads].iter().map(|core| core.id).collect()
        } else {
            Vec::new()
        };
        let waiting = if fits { Waiting::Spin } else { Waiting::Block };
        Ok(Self {
            requested,
            num_threads,
            num_usable_cores,
            num_physical: (hardware.physical != PhysicalCores::Unknown).then_some(num_physical),
            waiting,
            cores,
        })
    }

    /// How many threads run at the same time.
    pub fn num_running(&self) -> usize {
        self.num_threads.min(self.num_usable_cores)
    }

    /// Whether the workers are pinned.
    pub fn is_pinned(&self) -> bool {
        !self.cores.is_empty()
    }

    /// What the user should know: more threads than cores, or than there may be physical ones.
    pub fn warning(&self) -> Option<String> {
        let (threads, cores) = (self.num_threads, self.num_usable_cores);
        if threads > cores {
            return Some(format!(
                "{threads} threads on {cores} usable cores: threads are not pinned and wait asleep; leave the number of threads to `auto` for full speed"
            ));
        }
        let is_chosen = matches!(self.requested, Threads::Fixed(_));
        let is_known = is_chosen || threads == 1 || self.num_physical.is_some();
        (!is_known).then(|| {
            format!(
                "the system does not tell which of {cores} usable cores share a physical one: {threads} threads, one for each; if they share, half as many may be as fast, by `threads`"
            )
        })
    }

    /// Pins the calling thread as worker `worker`.
    pub(crate) fn pin(&self, worker: usize) {
        if let Some(&id) = self.cores.get(worker) {
            cores::pin(id);
        }
    }
}

/// Whether the system lets a thread be pinned to each of these cores, and says so when asked.
fn are_confirmed(wanted: &[usize]) -> bool {
    let confirm = |&core: &usize| cores::pin(core) && cores::is_confirmed(core);
    // A thread of its own: the caller keeps its mask.
    std::thread::scope(|scope| {
        let probe = scope.spawn(|| wanted.iter().all(confirm));
        probe.join().unwrap_or(false)
    })
}

/// A logical core and the first of its SMT siblings.
#[derive(Clone, Copy, Debug)]
struct Core {
    id: usize,
    physical: usize,
}

/// What a placement is decided by.
#[derive(Clone, Debug)]
struct Hardware {
    /// Those of the process's mask; none where it cannot be read.
    cores: Vec<Core>,
    /// Cores' worth of time that the process may use.
    quota: usize,
    physical: PhysicalCores,
}

/// What is known of physical cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PhysicalCores {
    /// That of each core.
    ByCore,
    /// How many there are.
    Count(usize),
    Unknown,
}

/// Processes of one training on one machine that may use the same cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Neighbours {
    pub(crate) count: usize,
    /// Which of them this one is.
    pub(crate) index: usize,
}

impl Default for Neighbours {
    fn default() -> Self {
        Self { count: 1, index: 0 }
    }
}

/// The cores of this process's mask, as text: processes with the same may be put on the same.
pub(crate) fn mask() -> String {
    let ids = cores::mask().into_iter().map(|core| core.to_string());
    ids.collect::<Vec<_>>().join(",")
}

impl Hardware {
    /// The physical cores, each once.
    fn physical(&self) -> Vec<usize> {
        let mut physical: Vec<usize> = self.cores.iter().map(|core| core.physical).collect();
        physical.sort_unstable();
        physical.dedup();
        physical
    }

    /// Physical cores that all processes with this mask and quota have together.
    fn num_cores(&self) -> usize {
        match self.physical().len() {
            0 => self.quota,
            cores => cores.min(self.quota),
        }
    }

    /// The share of one of several processes: whole physical cores, or where there are more
    /// processes than cores one that others have too.
    fn share(mut self, neighbours: &Neighbours) -> Self {
        let Neighbours { count, index } = *neighbours;
        if count == 1 {
            return self;
        }
        let physical = self.physical();
        let own = match part(physical.len(), count, index) {
            own if own.is_empty() && !physical.is_empty() => {
                let only = index % physical.len();
                only..only + 1
            }
            own => own,
        };
        let own = &physical[own];
        self.cores.retain(|core| own.contains(&core.physical));
        self.quota = part(self.quota, count, index).len().max(1);
        if let PhysicalCores::Count(all) = &mut self.physical {
            *all = (*all / count).max(1);
        }
        self
    }
}

#[cfg(test)]
mod tests;
