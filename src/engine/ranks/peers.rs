//! Peers: what carries bytes between the processes of a training.
//!
//! # Protocol
//! Messages between two ranks have a [`Tag`]; those of one tag arrive in the order in which they were
//! sent. Their lengths are known on both sides. Owned memory goes in, and comes back by
//! [`Peers::progress`] once it is sent or filled: whoever waits calls it, there is no thread that
//! communicates.

use std::fmt::Debug;

use bytes::BytesMut;

/// What a message between two ranks is about: numbers below [`Tag::END`], which every MPI has room
/// for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Tag(pub(crate) u32);

impl Tag {
    /// After the largest tag.
    pub(crate) const END: u32 = 1 << 23;
}

/// A send or a receive that is over.
#[derive(Debug)]
pub(crate) struct Done {
    /// Its number, as its caller gave it.
    pub(crate) request: usize,
    /// Its memory: as it was sent, or filled to its end.
    pub(crate) memory: BytesMut,
}

/// Values of this rank, and as much memory for the sums over all ranks: both of `f32`.
#[derive(Debug)]
pub(crate) struct Addition {
    pub(crate) values: BytesMut,
    pub(crate) sums: BytesMut,
}

/// The other processes of a training, which all run the same steps.
pub(crate) trait Peers: Send + Debug {
    /// This process's number.
    fn rank(&self) -> usize;

    /// Processes.
    fn num_ranks(&self) -> usize;

    /// Starts sending `memory` to each of `to`, one rank at least; it comes back when all have it, or it may be written
    /// again.
    fn send(
        &mut self,
        request: usize,
        to: &[usize],
        tag: Tag,
        memory: BytesMut,
    ) -> Result<(), PeerError>;

    /// Starts receiving as many bytes as `memory` has.
    fn receive(
        &mut self,
        request: usize,
        from: usize,
        tag: Tag,
        memory: BytesMut,
    ) -> Result<(), PeerError>;

    /// Moves what can be moved without waiting, and appends what is over.
    fn progress(&mut self, done: &mut Vec<Done>) -> Result<(), PeerError>;

    /// Adds the values of all ranks by what the library itself has for it, and waits for all of
    /// them; nothing where it has none. All ranks call it.
    fn all_reduce(&mut self, _addition: Addition) -> Result<Option<Addition>, PeerError> {
        Ok(None)
    }

    /// Ends the training of all ranks within this process: their next call fails. Other processes
    /// learn of it when this one ends.
    fn abort(&mut self, reason: &str);

    /// Ends all other processes and this one, with this exit code; returns where there are none.
    fn kill(&mut self, code: i32);

    /// Ends the connection, once all ranks call it and nothing is on its way.
    fn finish(&mut self) -> Result<(), PeerError>;
}

/// Why a message cannot be carried.
///
/// ```
/// use unisono::engine::{PeerError, Ranks};
/// let ranks = Ranks::in_process(2);
/// ranks[0].abort("the disk is full");
/// let expected = PeerError::Aborted { rank: 0, reason: "the disk is full".into() };
/// let error = ranks[1].gather(&[]).unwrap_err();
/// assert!(error.to_string().contains(&expected.to_string()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerError {
    /// Another rank has ended the training of all.
    #[error("rank {rank} has ended the training: {reason}")]
    Aborted {
        /// Which one.
        rank: usize,
        /// Why.
        reason: String,
    },
    /// A message was longer or shorter than expected: the ranks do not run the same program, or not
    /// with the same settings.
    #[error(
        "a message of rank {rank} has {got} bytes instead of {expected}: all ranks must run the same program with the same settings"
    )]
    Length {
        /// The sender.
        rank: usize,
        /// Bytes that were expected.
        expected: usize,
        /// Bytes that came.
        got: usize,
    },
    /// A message was longer than expected, and the rest of it is lost.
    #[error(
        "a message of rank {rank} is longer than {expected} bytes: all ranks must run the same program with the same settings"
    )]
    Longer {
        /// The sender.
        rank: usize,
        /// Bytes that were expected.
        expected: usize,
    },
    /// A call of the MPI library failed.
    #[error("{call} failed: {message}")]
    Mpi {
        /// The function.
        call: &'static str,
        /// What the library says.
        message: String,
    },
}
