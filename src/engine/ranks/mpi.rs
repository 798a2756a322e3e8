//! MPI, loaded when a training of several processes begins: its functions, and a connection that
//! owns the memory which they read and write.
//!
//! # Why this way
//! Linked, MPI would be needed by whoever builds, and by whoever runs one process; bindings made
//! from headers fit one library. Some functions are needed, and the tables of [`super::mpi_abi`]
//! name their constants for all.
//!
//! # Invariants
//! 1. Every function is loaded with the type that the standard gives it. A reference stands for a
//!    pointer to one value, which MPI does not keep; functions that take more are unsafe to call.
//! 2. What MPI may read or write belongs to a slot of [`InFlight`], or to the one call that waits. It
//!    leaves when all of the slot's requests are over, or the call has succeeded; where that is never
//!    known, it is leaked: MPI goes on writing.
//! 3. `requests`, `parts`, `indices` and `statuses` have an entry for each request that is not over.
//! 4. MPI starts once in a process, nothing calls it after its end, and it is never unloaded.
//! 5. A message is no longer than the memory that waits for it. MPICH refuses a longer one; Open MPI
//!    (4.1, 5.0) writes beyond that memory before it says so. Ranks therefore compare their settings,
//!    and the head of each step, in messages of one length.
//! 6. Calls take turns: after the start, all of them go through one `&mut InFlight`.

#![expect(
    unsafe_code,
    reason = "a C library that is loaded at run time, and memory that it writes to meanwhile"
)]

use std::ffi::{c_char, c_int, c_void};
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::path::Path;

use bytes::BytesMut;
use libloading::Library;

use super::mpi_abi::{Abi, Handles, SUCCESS};
use super::mpi_library::MpiError;
use super::mpi_parts::{Direction, PART, Part, parts};
use super::peers::{Addition, Done, PeerError, Tag};
use crate::memory::{floats, floats_mut};
use crate::sys::library::load_for_all;

/// Bytes that no text of any MPI is longer than.
pub(crate) const TEXT: usize = 8192;

/// A library, which stays: its threads and handlers run until the end of the process.
#[derive(Debug)]
pub(crate) struct Loaded {
    library: ManuallyDrop<Library>,
    /// As it was asked for.
    pub(crate) name: String,
}

impl Loaded {
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        Ok(Self {
            // Open MPI's plugins look for its functions among those of all libraries.
            library: ManuallyDrop::new(load_for_all(path)?),
            name: path.display().to_string(),
        })
    }

    /// The address of an object.
    pub(crate) fn address(&self, name: &'static str) -> Result<usize, MpiError> {
        self.symbol(name)
    }

    /// The major version of the standard interface; none of another interface.
    pub(crate) fn standard_version(&self) -> Option<c_int> {
        let version = self.symbol::<GetVersion>("MPI_Abi_get_version").ok()?;
        let (mut major, mut minor) = (-1, -1);
        let is_told = version(&mut major, &mut minor) == SUCCESS;
        // Libraries of MPI 5 with an interface of their own say -1.
        Some(major).filter(|&major| is_told && major >= 1)
    }

    /// An address, as a pointer to a function or as a number: private, for invariant 1.
    fn symbol<T: Copy>(&self, name: &'static str) -> Result<T, MpiError> {
        // SAFETY: invariant 1; every address is a number.
        let symbol = unsafe { self.library.get::<T>(name) };
        symbol.map(|symbol| *symbol).map_err(|_| MpiError::Symbol {
            library: self.name.clone(),
            name,
        })
    }
}

/// `MPI_Isend` and `MPI_Irecv`: memory, its bytes, their type, the other rank, the tag, the
/// communicator, the request.
type Transfer<H> = unsafe extern "C" fn(*mut c_void, c_int, H, c_int, c_int, H, &mut H) -> c_int;

/// `MPI_Testsome`: requests; how many of them are over, which, and how they ended.
type TestSome<H, S> = unsafe extern "C" fn(c_int, *mut H, &mut c_int, *mut c_int, *mut S) -> c_int;

/// `MPI_Allreduce`: values, their sums, how many, their type, the operation, the communicator.
type AllReduce<H> = unsafe extern "C" fn(*const f32, *mut f32, c_int, H, H, H) -> c_int;

type GetVersion = extern "C" fn(&mut c_int, &mut c_int) -> c_int;
type GetText = extern "C" fn(&mut [u8; TEXT], &mut c_int) -> c_int;
type GetErrorText = extern "C" fn(c_int, &mut [u8; TEXT], &mut c_int) -> c_int;
type GetNumber<H> = extern "C" fn(H, &mut c_int) -> c_int;
type GetCount<H, S> = extern "C" fn(&S, H, &mut c_int) -> c_int;
type GetAttribute<H> = extern "C" fn(H, c_int, &mut Option<&'static c_int>, &mut c_int) -> c_int;
type InitThread =
    extern "C" fn(Option<&mut c_int>, Option<&mut *mut *mut c_char>, c_int, &mut c_int) -> c_int;

/// A struct of functions, and how it is loaded.
macro_rules! functions {
    ($($field:ident: $type:ty = $name:literal,)*) => {
        /// The functions of MPI that are called.
        #[derive(Debug)]
        pub(crate) struct Functions<A: Abi> {
            $(pub(crate) $field: $type,)*
        }

        impl<A: Abi> Functions<A> {
            pub(crate) fn of(loaded: &Loaded) -> Result<Self, MpiError> {
                Ok(Self { $($field: loaded.symbol($name)?,)* })
            }
        }
    };
}

functions! {
    initialized: extern "C" fn(&mut c_int) -> c_int = "MPI_Initialized",
    init_thread: InitThread = "MPI_Init_thread",
    library_version: GetText = "MPI_Get_library_version",
    processor_name: GetText = "MPI_Get_processor_name",
    error_text: GetErrorText = "MPI_Error_string",
    error_class: extern "C" fn(c_int, &mut c_int) -> c_int = "MPI_Error_class",
    set_errhandler: extern "C" fn(A::Handle, A::Handle) -> c_int = "MPI_Comm_set_errhandler",
    dup: extern "C" fn(A::Handle, &mut A::Handle) -> c_int = "MPI_Comm_dup",
    rank: GetNumber<A::Handle> = "MPI_Comm_rank",
    size: GetNumber<A::Handle> = "MPI_Comm_size",
    attribute: GetAttribute<A::Handle> = "MPI_Comm_get_attr",
    isend: Transfer<A::Handle> = "MPI_Isend",
    irecv: Transfer<A::Handle> = "MPI_Irecv",
    all_reduce: AllReduce<A::Handle> = "MPI_Allreduce",
    testsome: TestSome<A::Handle, A::Status> = "MPI_Testsome",
    count: GetCount<A::Handle, A::Status> = "MPI_Get_count",
    abort: extern "C" fn(A::Handle, c_int) -> c_int = "MPI_Abort",
    finalize: extern "C" fn() -> c_int = "MPI_Finalize",
    // Of the C library, which MPI needs: ends the process, whatever its exit handlers wait for.
    exit: extern "C" fn(c_int) -> ! = "_exit",
}

impl<A: Abi> Functions<A> {
    /// Fails with the library's own words if a call did.
    pub(crate) fn check(&self, call: &'static str, code: c_int) -> Result<(), PeerError> {
        if code == SUCCESS {
            return Ok(());
        }
        let (mut text, mut len) = ([0; TEXT], 0);
        let message = match (self.error_text)(code, &mut text, &mut len) {
            // MPICH adds a line for each function that was on the way.
            SUCCESS => text_of(&text).replace('\n', "; "),
            _ => format!("error {code}"),
        };
        Err(PeerError::Mpi { call, message })
    }
}

/// Memory that MPI reads or writes.
struct Slot {
    request: usize,
    memory: BytesMut,
    /// Requests of it that are not over.
    open: usize,
}

/// Messages that are on their way.
pub(crate) struct InFlight<A: Abi> {
    pub(crate) functions: Functions<A>,
    pub(crate) handles: Handles<A::Handle>,
    comm: A::Handle,
    slots: ManuallyDrop<Vec<Slot>>,
    /// Slots without memory.
    free: Vec<usize>,
    requests: Vec<A::Handle>,
    parts: Vec<Part>,
    indices: Vec<c_int>,
    statuses: Vec<A::Status>,
}

impl<A: Abi> InFlight<A> {
    pub(crate) fn new(
        functions: Functions<A>,
        handles: Handles<A::Handle>,
        comm: A::Handle,
    ) -> Self {
        Self {
            functions,
            handles,
            comm,
            slots: ManuallyDrop::default(),
            free: Vec::new(),
            requests: Vec::new(),
            parts: Vec::new(),
            indices: Vec::new(),
            statuses: Vec::new(),
        }
    }

    /// Moves memory to or from each of `ranks`, from now on.
    pub(crate) fn post(
        &mut self,
        done: Done,
        direction: Direction,
        ranks: &[usize],
        tag: Tag,
    ) -> Result<(), PeerError> {
        let (call, function) = match direction {
            Direction::To => ("MPI_Isend", self.functions.isend),
            Direction::From => ("MPI_Irecv", self.functions.irecv),
        };
        // The slot owns the memory from here on.
        let Done { request, memory } = done;
        let len = memory.len();
        let slot = self.free.pop().unwrap_or(self.slots.len());
        let open = ranks.len() * parts(len).count();
        let filled = Slot {
            request,
            memory,
            open,
        };
        match self.slots.get_mut(slot) {
            Some(free) => *free = filled,
            None => self.slots.push(filled),
        }
        let start = self.slots[slot].memory.as_mut_ptr();
        let (byte, comm, no_request) = (self.handles.byte, self.comm, self.handles.no_request);
        for &rank in ranks {
            for Range { start: at, end } in parts(len) {
                let (start, bytes) = (start.wrapping_add(at).cast(), end - at);
                let (rank_, tag, mut request) = (rank as c_int, tag.0 as c_int, no_request);
                // SAFETY: the bytes belong to the slot until the request is over (invariant 2).
                let code = unsafe {
                    function(start, bytes as c_int, byte, rank_, tag, comm, &mut request)
                };
                self.functions.check(call, code)?;
                self.requests.push(request);
                self.parts.push(Part {
                    slot,
                    direction,
                    rank,
                    bytes,
                });
            }
        }
        Ok(())
    }

    /// Adds the values of all ranks by `MPI_Allreduce`, which returns when all have called it.
    pub(crate) fn all_reduce(&self, addition: Addition) -> Result<Addition, PeerError> {
        // Leaked where it fails: MPI may go on writing (invariant 2).
        let mut addition = ManuallyDrop::new(addition);
        let Addition { values, sums } = &mut *addition;
        let (values, sums) = (floats(values), floats_mut(sums));
        assert_eq!(values.len(), sums.len(), "a sum for each value");
        let Handles { float, sum, .. } = self.handles;
        let (function, comm) = (self.functions.all_reduce, self.comm);
        for (from, to) in values.chunks(PART).zip(sums.chunks_mut(PART)) {
            let (from, to, count) = (from.as_ptr(), to.as_mut_ptr(), from.len() as c_int);
            // SAFETY: both have `count` values, which nobody else has (invariant 2).
            let code = unsafe { function(from, to, count, float, sum, comm) };
            self.functions.check("MPI_Allreduce", code)?;
        }
        Ok(ManuallyDrop::into_inner(addition))
    }

    /// Requests that are not over.
    pub(crate) fn num_open(&self) -> usize {
        self.requests.len()
    }

    /// Moves what can be moved without waiting, and appends the memory of what is over.
    pub(crate) fn progress(&mut self, done: &mut Vec<Done>) -> Result<(), PeerError> {
        if self.requests.is_empty() {
            return Ok(());
        }
        let count = self.test()?;
        for &index in &self.indices[..count] {
            let index = self.parts[index as usize].slot;
            let slot = &mut self.slots[index];
            slot.open -= 1;
            if slot.open == 0 {
                let (request, memory) = (slot.request, std::mem::take(&mut slot.memory));
                self.free.push(index);
                done.push(Done { request, memory });
            }
        }
        // What is over has become no request.
        if count > 0 {
            let no_request = self.handles.no_request;
            let mut requests = self.requests.iter();
            self.parts.retain(|_| requests.next() != Some(&no_request));
            self.requests.retain(|request| *request != no_request);
        }
        Ok(())
    }

    /// How many requests are over since; `indices` and `statuses` tell which, and how they ended.
    fn test(&mut self) -> Result<usize, PeerError> {
        let most = self.requests.len();
        if self.indices.len() < most {
            self.indices.resize(most, 0);
            self.statuses.resize(most, A::Status::default());
        }
        let (requests, indices) = (self.requests.as_mut_ptr(), self.indices.as_mut_ptr());
        let (statuses, mut count) = (self.statuses.as_mut_ptr(), 0);
        let function = self.functions.testsome;
        // SAFETY: all three have room for as many as there are requests (invariant 3).
        let code = unsafe { function(most as c_int, requests, &mut count, indices, statuses) };
        if code != A::ERR_IN_STATUS {
            self.functions.check("MPI_Testsome", code)?;
        }
        let is_failed = code == A::ERR_IN_STATUS;
        // Less than none: no request was active.
        let count = usize::try_from(count).unwrap_or(0);
        for (&index, status) in self.indices.iter().zip(&self.statuses).take(count) {
            self.check_end(self.parts[index as usize], status, is_failed)?;
        }
        Ok(count)
    }

    /// Fails if a request did, or a message was shorter or longer than its memory.
    fn check_end(&self, part: Part, status: &A::Status, is_failed: bool) -> Result<(), PeerError> {
        let call = match part.direction {
            Direction::To => "MPI_Isend",
            Direction::From => "MPI_Irecv",
        };
        let (rank, expected) = (part.rank, part.bytes);
        if is_failed {
            let (code, mut class) = (A::error(status), SUCCESS);
            let is_told = (self.functions.error_class)(code, &mut class) == SUCCESS;
            if is_told && class == A::ERR_TRUNCATE {
                return Err(PeerError::Longer { rank, expected });
            }
            self.functions.check(call, code)?;
        }
        if part.direction == Direction::To {
            return Ok(());
        }
        let mut got = 0;
        let code = (self.functions.count)(status, self.handles.byte, &mut got);
        self.functions.check("MPI_Get_count", code)?;
        let got = got as usize;
        match got == expected {
            true => Ok(()),
            false => Err(PeerError::Length {
                rank,
                expected,
                got,
            }),
        }
    }
}

/// A text of C: up to its zero.
pub(crate) fn text_of(bytes: &[u8]) -> String {
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}
