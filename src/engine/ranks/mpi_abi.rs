//! Binary interfaces of MPI: the handles, constants and statuses that its headers would give.
//!
//! | interface | libraries | handles |
//! |---|---|---|
//! | [`OpenMpi`] | Open MPI 3 to 5, and what is derived from it | addresses of objects of the library |
//! | [`Mpich`] | MPICH from 3.1 on, Intel MPI, MVAPICH2, Cray MPICH | `int` |
//! | [`Standard`] | `libmpi_abi` of MPI 5 | small numbers as addresses |
//!
//! # References
//! MPI: A Message-Passing Interface Standard, version 5.0, chapter 20 and annex A (2025);
//! `mpi.h` of MPICH 4.0 and 5.0 (the common interface of the "MPICH ABI compatibility initiative")
//! and of Open MPI 4.1 and 5.0.

use std::ffi::c_int;
use std::fmt::Debug;

/// Success of every function, in every interface.
pub(crate) const SUCCESS: c_int = 0;

/// One of the binary interfaces.
pub(crate) trait Abi: Debug + 'static {
    /// A communicator, type, request or error handler.
    type Handle: Copy + PartialEq + Default + Send + 'static;
    /// `MPI_Status`.
    type Status: Copy + Default + Send + 'static;
    /// `MPI_THREAD_SERIALIZED`.
    const THREAD_SERIALIZED: c_int;
    /// `MPI_TAG_UB`.
    const TAG_UB: c_int;
    /// `MPI_ERR_IN_STATUS`.
    const ERR_IN_STATUS: c_int;
    /// `MPI_ERR_TRUNCATE`.
    const ERR_TRUNCATE: c_int;

    /// The handles that exist from the start; `address` is that of an object of the library.
    fn handles<E>(
        address: impl Fn(&'static str) -> Result<usize, E>,
    ) -> Result<Handles<Self::Handle>, E>;

    /// Its `MPI_ERROR`.
    fn error(status: &Self::Status) -> c_int;
}

/// Handles that exist from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Handles<H> {
    /// `MPI_COMM_WORLD`.
    pub(crate) world: H,
    /// `MPI_BYTE`.
    pub(crate) byte: H,
    /// `MPI_FLOAT`.
    pub(crate) float: H,
    /// `MPI_SUM`.
    pub(crate) sum: H,
    /// `MPI_REQUEST_NULL`.
    pub(crate) no_request: H,
    /// `MPI_ERRORS_RETURN`.
    pub(crate) errors_return: H,
}

/// Open MPI.
#[derive(Debug)]
pub(crate) enum OpenMpi {}

/// An object that tells Open MPI from the others.
pub(crate) const OPEN_MPI_WORLD: &str = "ompi_mpi_comm_world";

#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct OpenMpiStatus {
    source: c_int,
    tag: c_int,
    error: c_int,
    cancelled: c_int,
    count: usize,
}

impl Abi for OpenMpi {
    type Handle = usize;
    type Status = OpenMpiStatus;
    const THREAD_SERIALIZED: c_int = 2;
    const TAG_UB: c_int = 0;
    const ERR_IN_STATUS: c_int = 18;
    const ERR_TRUNCATE: c_int = 15;

    fn handles<E>(address: impl Fn(&'static str) -> Result<usize, E>) -> Result<Handles<usize>, E> {
        Ok(Handles {
            world: address(OPEN_MPI_WORLD)?,
            byte: address("ompi_mpi_byte")?,
            float: address("ompi_mpi_float")?,
            sum: address("ompi_mpi_op_sum")?,
            no_request: address("ompi_request_null")?,
            errors_return: address("ompi_mpi_errors_return")?,
        })
    }

    fn error(status: &OpenMpiStatus) -> c_int {
        status.error
    }
}

/// MPICH.
#[derive(Debug)]
pub(crate) enum Mpich {}

#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct MpichStatus {
    count_low: c_int,
    count_high_and_cancelled: c_int,
    source: c_int,
    tag: c_int,
    error: c_int,
}

impl Abi for Mpich {
    type Handle = c_int;
    type Status = MpichStatus;
    const THREAD_SERIALIZED: c_int = 2;
    const TAG_UB: c_int = 0x6440_0001;
    const ERR_IN_STATUS: c_int = 17;
    const ERR_TRUNCATE: c_int = 14;

    fn handles<E>(_: impl Fn(&'static str) -> Result<usize, E>) -> Result<Handles<c_int>, E> {
        Ok(Handles {
            world: 0x4400_0000,
            byte: 0x4c00_010d,
            float: 0x4c00_040a,
            sum: 0x5800_0003,
            no_request: 0x2c00_0000,
            errors_return: 0x5400_0001,
        })
    }

    fn error(status: &MpichStatus) -> c_int {
        status.error
    }
}

/// The standard interface of MPI 5.
#[derive(Debug)]
pub(crate) enum Standard {}

#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct StandardStatus {
    source: c_int,
    tag: c_int,
    error: c_int,
    internal: [c_int; 5],
}

impl Abi for Standard {
    type Handle = usize;
    type Status = StandardStatus;
    const THREAD_SERIALIZED: c_int = 2048;
    const TAG_UB: c_int = 501;
    const ERR_IN_STATUS: c_int = 19;
    const ERR_TRUNCATE: c_int = 15;

    fn handles<E>(_: impl Fn(&'static str) -> Result<usize, E>) -> Result<Handles<usize>, E> {
        Ok(Handles {
            world: 0x101,
            byte: 0x247,
            float: 0x210,
            sum: 0x21,
            no_request: 0x180,
            errors_return: 0x143,
        })
    }

    fn error(status: &StandardStatus) -> c_int {
        status.error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_have_the_sizes_of_the_headers_and_errors_their_places() {
        // `printf("%zu %zu", sizeof(MPI_Status), offsetof(MPI_Status, MPI_ERROR))` with each `mpi.h`.
        assert_eq!(size_of::<OpenMpiStatus>(), 24);
        assert_eq!(size_of::<MpichStatus>(), 20);
        assert_eq!(size_of::<StandardStatus>(), 32);
        assert_eq!(std::mem::offset_of!(OpenMpiStatus, error), 8);
        assert_eq!(std::mem::offset_of!(MpichStatus, error), 16);
        assert_eq!(std::mem::offset_of!(StandardStatus, error), 8);
    }

    #[test]
    fn only_the_handles_of_open_mpi_are_addresses_of_the_library() {
        let missing = |name| Err::<usize, _>(name);
        assert_eq!(OpenMpi::handles(missing), Err("ompi_mpi_comm_world"));
        assert!(Mpich::handles(missing).is_ok() && Standard::handles(missing).is_ok());
        let found = OpenMpi::handles(|name| Ok::<_, ()>(name.len())).unwrap();
        let expected = Handles {
            world: 19,
            byte: 13,
            float: 14,
            sum: 15,
            no_request: 17,
            errors_return: 22,
        };
        assert_eq!(found, expected);
    }
}
