//! Where messages of other ranks go.

use bytes::BytesMut;

use super::header::Header;
use crate::engine::all_reduce::plan::Home;
use crate::engine::mailbox::Address;
use crate::engine::message::{Gradient, Return, Updated};

/// Where memory goes once it is filled, or sent.
#[derive(Debug)]
pub(crate) enum Sink {
    /// An input of a task, from another rank.
    Gradient { to: Address<Gradient>, input: usize },
    /// A segment of a gradient buffer, which another rank has.
    Home { to: Address<Return>, home: Home },
    /// A segment of the new parameters: come from its owner, or sent to everyone.
    Updated { to: Address<Updated>, index: usize },
    /// A part of a letter, come or sent. A header that is not of `expected` is an error.
    Letter {
        to: Address<Arrived>,
        part: Part,
        expected: Option<Header>,
    },
    /// A sign of life of this rank's predecessor, or its own.
    Beat { is_own: bool },
}

/// Which part of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The header, of rank `from`.
    Head { from: usize },
    /// The rest, of rank `from`.
    Body { from: usize },
    /// Its own header, sent.
    SentHead,
    /// Its own rest, sent.
    SentBody,
    /// A header of its own beside the letter, sent.
    SentSpare,
}

/// A part of a letter in its memory.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) part: Part,
    pub(crate) memory: BytesMut,
}
