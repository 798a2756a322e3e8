//! Peers over MPI.

use std::fmt::{self, Debug, Formatter};
use std::time::Duration;

use bytes::BytesMut;

use super::mpi::InFlight;
use super::mpi_abi::Abi;
use super::mpi_parts::Direction;
use super::peers::{Addition, Done, PeerError, Peers, Tag};

/// How long `MPI_Abort` may take to end this process.
const ABORT: Duration = Duration::from_secs(2);

/// Time for the launcher to read what this process has said last: MPICH's loses one message in ten
/// where `MPI_Abort` follows at once, none after half of this time.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// A connection to all ranks of the launch.
pub(crate) struct Connection<A: Abi> {
    rank: usize,
    num_ranks: usize,
    in_flight: InFlight<A>,
    has_ended: bool,
}

impl<A: Abi> Connection<A> {
    pub(crate) fn new(rank: usize, num_ranks: usize, in_flight: InFlight<A>) -> Self {
        Self {
            rank,
            num_ranks,
            in_flight,
            has_ended: false,
        }
    }

    /// Nothing calls MPI after its end.
    fn check_running(&self) -> Result<(), PeerError> {
        match self.has_ended {
            false => Ok(()),
            true => Err(PeerError::Mpi {
                call: "a message",
                message: "MPI has ended".to_owned(),
            }),
        }
    }
}

impl<A: Abi> Peers for Connection<A> {
    fn rank(&self) -> usize {
        self.rank
    }

    fn num_ranks(&self) -> usize {
        self.num_ranks
    }

    fn send(
        &mut self,
        request: usize,
        to: &[usize],
        tag: Tag,
        memory: BytesMut,
    ) -> Result<(), PeerError> {
        self.check_running()?;
        let done = Done { request, memory };
        self.in_flight.post(done, Direction::To, to, tag)
    }

    fn receive(
        &mut self,
        request: usize,
        from: usize,
        tag: Tag,
        memory: BytesMut,
    ) -> Result<(), PeerError> {
        self.check_running()?;
        let done = Done { request, memory };
        self.in_flight.post(done, Direction::From, &[from], tag)
    }

    fn progress(&mut self, done: &mut Vec<Done>) -> Result<(), PeerError> {
        self.in_flight.progress(done)
    }

    fn all_reduce(&mut self, addition: Addition) -> Result<Option<Addition>, PeerError> {
        self.check_running()?;
        self.in_flight.all_reduce(addition).map(Some)
    }

    fn abort(&mut self, _reason: &str) {}

    /// Ends this process by MPI or, if that takes longer than [`ABORT`], without it.
    fn kill(&mut self, code: i32) {
        let functions = &self.in_flight.functions;
        let exit = functions.exit;
        std::thread::sleep(LAST_WORDS);
        if !self.has_ended {
            let watchdog = std::thread::Builder::new().spawn(move || {
                std::thread::sleep(ABORT);
                exit(code)
            });
            // Without a watchdog, MPI takes what it takes.
            drop(watchdog);
            (functions.abort)(self.in_flight.handles.world, code);
        }
        exit(code)
    }

    fn finish(&mut self) -> Result<(), PeerError> {
        let call = "MPI_Finalize";
        if self.has_ended {
            return Ok(());
        }
        let open = self.in_flight.num_open();
        if open > 0 {
            let message = format!("messages are on their way, {open} of them");
            return Err(PeerError::Mpi { call, message });
        }
        self.has_ended = true;
        let functions = &self.in_flight.functions;
        functions.check(call, (functions.finalize)())
    }
}

impl<A: Abi> Debug for Connection<A> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("rank", &self.rank)
            .field("num_ranks", &self.num_ranks)
            .field("on_their_way", &self.in_flight.num_open())
            .finish_non_exhaustive()
    }
}
