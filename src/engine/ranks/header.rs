//! Header: what every rank says before it says anything: which operation it is in.
//!
//! All ranks run the same steps, and none commands the others. A rank that has gone another way (an
//! error of its own, other data, other settings) would wait for messages that never come; so the
//! headers of an operation are compared as they arrive.

use bytes::{Buf, BufMut};

/// What a letter is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Operation {
    /// An engine is being built.
    Build,
    /// A step, up to its decision.
    Step,
    /// The norms of a step's directions.
    Directions,
    /// An evaluation.
    Evaluate,
    /// The parameters change places with a state buffer.
    Swap,
    /// Wishes are told.
    Vote,
    /// The parameters are compared.
    Compare,
    /// The optimiser's state is gathered.
    State,
    /// Values of something else than a step, such as a fingerprint of the data.
    Gather,
    /// Values in the middle of a pass.
    Values,
    /// This rank's pass has failed.
    Failed,
    /// The run is over.
    Leave,
}

impl Operation {
    const ALL: [Operation; 12] = [
        Operation::Build,
        Operation::Step,
        Operation::Directions,
        Operation::Evaluate,
        Operation::Swap,
        Operation::Vote,
        Operation::Compare,
        Operation::State,
        Operation::Gather,
        Operation::Values,
        Operation::Failed,
        Operation::Leave,
    ];

    /// What a rank that is in it does.
    fn words(self) -> &'static str {
        match self {
            Operation::Build => "builds an engine",
            Operation::Step => "makes a step",
            Operation::Directions => "makes the directions of a step",
            Operation::Evaluate => "evaluates",
            Operation::Swap => "reads the optimizer's state",
            Operation::Vote => "asks whether to go on",
            Operation::Compare => "compares its parameters",
            Operation::State => "gathers the optimizer's state",
            Operation::Gather => "compares what it works on",
            Operation::Values => "is in the middle of a step",
            Operation::Failed => "has failed in a step",
            Operation::Leave => "has ended its training",
        }
    }
}

/// The first 32 bytes of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) operation: Operation,
    /// What this rank asks all for, a bit each.
    pub(crate) wishes: u8,
    /// Step, or what counts the operation.
    pub(crate) step: u64,
    /// Of what the operation works on.
    pub(crate) fingerprint: u64,
    /// Bytes of the rest.
    pub(crate) len: usize,
}

impl Header {
    /// Bytes of a header.
    pub(crate) const BYTES: usize = 32;

    /// A header without wishes and without a rest.
    pub(crate) fn new(operation: Operation, step: u64, fingerprint: u64) -> Self {
        Self {
            operation,
            wishes: 0,
            step,
            fingerprint,
            len: 0,
        }
    }

    pub(crate) fn encode(&self, memory: &mut impl BufMut) {
        memory.put_u8(self.operation as u8);
        memory.put_u8(self.wishes);
        memory.put_bytes(0, 6);
        memory.put_u64_le(self.step);
        memory.put_u64_le(self.fingerprint);
        memory.put_u64_le(self.len as u64);
    }

    /// The header in [`Header::BYTES`] bytes; whatever stands there, it is one.
    pub(crate) fn decode(mut bytes: &[u8]) -> Self {
        let operation = usize::from(bytes.get_u8());
        let wishes = bytes.get_u8();
        bytes.advance(6);
        Self {
            operation: Operation::ALL
                .get(operation)
                .copied()
                .unwrap_or(Operation::Leave),
            wishes,
            step: bytes.get_u64_le(),
            fingerprint: bytes.get_u64_le(),
            len: bytes.get_u64_le() as usize,
        }
    }

    /// What is wrong if the rank of this name is in this operation while `own` is this rank's; nothing if they
    /// are the same.
    pub(crate) fn differs(&self, own: &Header, name: impl Fn() -> String) -> Option<String> {
        let place = |header: &Header| (header.operation, header.step);
        if place(self) != place(own) {
            return Some(format!(
                "{} {} (step {}) while this rank {} (step {}): all ranks must run the same program with the same settings and data",
                name(),
                self.operation.words(),
                self.step,
                own.operation.words(),
                own.step
            ));
        }
        (self.fingerprint != own.fingerprint).then(|| {
            format!(
                "{} works on other rows than this rank in step {}: all ranks must have the same data and seed",
                name(),
                own.step
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_survives_its_bytes() {
        for (at, operation) in Operation::ALL.into_iter().enumerate() {
            let header = Header {
                operation,
                wishes: at as u8,
                step: u64::MAX - at as u64,
                fingerprint: 7,
                len: 1 << 40,
            };
            let mut bytes = Vec::new();
            header.encode(&mut bytes);
            assert_eq!(bytes.len(), Header::BYTES);
            assert_eq!(Header::decode(&bytes), header);
        }
    }

    #[test]
    fn ranks_that_went_different_ways_are_named() {
        let own = Header::new(Operation::Step, 7, 1);
        assert_eq!(own.differs(&own, || "rank 1".to_owned()), None);
        let other = Header::new(Operation::Leave, 7, 1);
        let text = other.differs(&own, || "rank 1 on a".to_owned()).unwrap();
        assert!(
            text.starts_with(
                "rank 1 on a has ended its training (step 7) while this rank makes a step"
            ),
            "{text}"
        );
        let other = Header::new(Operation::Step, 7, 2);
        assert!(
            other
                .differs(&own, || "rank 1".to_owned())
                .unwrap()
                .contains("other rows")
        );
    }
}
