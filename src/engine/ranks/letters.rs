//! Letters: what each rank tells each other one, a header and as many bytes as it says.
//!
//! # Why this way
//! A header has a fixed length, so its receive can be posted before anyone knows how long the rest
//! is; the rest is sent right behind it and waits for its receive at most as long as that takes to
//! be posted. MPI's collectives would move the same bytes, and hang where one rank is missing.

use std::sync::Arc;

use bytes::BytesMut;

use super::header::Header;
use super::hub::{Arrived, Hub, Part, Sink};
use super::peers::Tag;
use crate::engine::mailbox::{Aborted, Address, Mailbox, Watch, mailbox};

/// One rank's end of an exchange of letters with all others.
#[derive(Debug)]
pub(crate) struct Letters {
    hub: Arc<Hub>,
    /// Of the headers; the one after it of what follows them.
    tag: Tag,
    address: Address<Arrived>,
    inbox: Mailbox<Arrived>,
    /// The memory of the own header; away while it is sent.
    head: Option<BytesMut>,
    /// The memory of a header that is sent beside a letter.
    spare: Option<BytesMut>,
    /// What the next letter says after its header; away while it is sent.
    body: Option<BytesMut>,
    /// Of each rank: memory for its header, its last header, what stood behind it.
    heads: Vec<Option<BytesMut>>,
    headers: Vec<Option<Header>>,
    bodies: Vec<BytesMut>,
    /// What came while the last letter was still being sent.
    early: Vec<Arrived>,
}

impl Letters {
    pub(crate) fn new(hub: &Arc<Hub>, tag: Tag) -> Self {
        let num_ranks = hub.num_ranks();
        let (address, inbox) = mailbox(3 * num_ranks + 2);
        Self {
            hub: Arc::clone(hub),
            tag,
            address,
            inbox,
            head: Some(BytesMut::with_capacity(Header::BYTES)),
            spare: Some(BytesMut::with_capacity(Header::BYTES)),
            body: Some(BytesMut::new()),
            heads: (0..num_ranks)
                .map(|_| Some(BytesMut::zeroed(Header::BYTES)))
                .collect(),
            headers: vec![None; num_ranks],
            bodies: (0..num_ranks).map(|_| BytesMut::new()).collect(),
            early: Vec::with_capacity(2 * num_ranks),
        }
    }

    /// All other ranks, from the next one on.
    pub(crate) fn others(&self) -> &[usize] {
        self.hub.others()
    }

    /// The last header of another rank.
    pub(crate) fn header(&self, rank: usize) -> Option<Header> {
        self.headers[rank]
    }

    /// What stood behind it.
    pub(crate) fn body(&self, rank: usize) -> &[u8] {
        &self.bodies[rank]
    }

    /// Awaits a letter of each other rank, which must be in this operation, if one is named.
    pub(crate) fn open(&mut self, expected: Option<Header>) {
        for at in 0..self.others().len() {
            self.await_letter(self.others()[at], expected);
        }
    }

    /// Awaits a letter of rank `from`.
    pub(crate) fn await_letter(&mut self, from: usize, expected: Option<Header>) {
        let memory = self.heads[from]
            .take()
            .expect("one letter of a rank is awaited at a time");
        self.headers[from] = None;
        self.receive(from, self.tag, memory, Part::Head { from }, expected);
    }

    /// Writes what the next letter says behind its header.
    pub(crate) fn write(
        &mut self,
        watch: Watch<'_>,
        write: impl FnOnce(&mut BytesMut),
    ) -> Result<(), Aborted> {
        self.drain_sends(watch)?;
        write(self.body.as_mut().expect("it is not away"));
        Ok(())
    }

    /// Sends a letter to all others, with what was written.
    pub(crate) fn send(&mut self, watch: Watch<'_>, header: Header) -> Result<(), Aborted> {
        self.drain_sends(watch)?;
        let body = self.body.take().expect("it is not away");
        let header = Header {
            len: body.len(),
            ..header
        };
        let mut head = self.head.take().expect("it is not away");
        head.clear();
        header.encode(&mut head);
        self.send_part(self.tag, head, Part::SentHead);
        if body.is_empty() {
            self.body = Some(body);
        } else {
            self.send_part(Tag(self.tag.0 + 1), body, Part::SentBody);
        }
        Ok(())
    }

    /// Sends a header alone to all others, whether or not the last letter has reached them. Once
    /// between two [`Letters::drain_sends`].
    pub(crate) fn send_apart(&mut self, header: Header) {
        let mut head = self.spare.take().expect("it is not away");
        head.clear();
        header.encode(&mut head);
        self.send_part(self.tag, head, Part::SentSpare);
    }

    /// The next letter: whose it is.
    pub(crate) fn next(&mut self, watch: Watch<'_>) -> Result<usize, Aborted> {
        loop {
            let Arrived { part, memory } = match self.early.pop() {
                Some(arrived) => arrived,
                None => self.inbox.receive(watch)?,
            };
            match part {
                Part::Head { from } => {
                    let header = Header::decode(&memory);
                    self.heads[from] = Some(memory);
                    self.headers[from] = Some(header);
                    if header.len == 0 {
                        self.bodies[from].clear();
                        return Ok(from);
                    }
                    let mut body = std::mem::take(&mut self.bodies[from]);
                    body.resize(header.len, 0);
                    let tag = Tag(self.tag.0 + 1);
                    self.receive(from, tag, body, Part::Body { from }, None);
                }
                Part::Body { from } => {
                    self.bodies[from] = memory;
                    return Ok(from);
                }
                sent => self.take_back(sent, memory),
            }
        }
    }

    /// Sends a letter to all, and takes one of each.
    pub(crate) fn exchange(&mut self, watch: Watch<'_>, header: Header) -> Result<(), Aborted> {
        self.send(watch, header)?;
        for _ in 0..self.others().len() {
            self.next(watch)?;
        }
        self.drain_sends(watch)
    }

    /// Waits until the memory of what was sent is back.
    pub(crate) fn drain_sends(&mut self, watch: Watch<'_>) -> Result<(), Aborted> {
        while self.head.is_none() || self.body.is_none() || self.spare.is_none() {
            let Arrived { part, memory } = self.inbox.receive(watch)?;
            self.take_back(part, memory);
        }
        Ok(())
    }

    fn take_back(&mut self, part: Part, mut memory: BytesMut) {
        match part {
            Part::SentHead => self.head = Some(memory),
            Part::SentSpare => self.spare = Some(memory),
            Part::SentBody => {
                memory.clear();
                self.body = Some(memory);
            }
            Part::Head { .. } | Part::Body { .. } => self.early.push(Arrived { part, memory }),
        }
    }

    fn send_part(&self, tag: Tag, memory: BytesMut, part: Part) {
        let sink = self.sink(part, None);
        self.hub.broadcast(tag, memory, sink);
    }

    fn receive(
        &self,
        from: usize,
        tag: Tag,
        memory: BytesMut,
        part: Part,
        expected: Option<Header>,
    ) {
        let sink = self.sink(part, expected);
        self.hub.receive(from, tag, memory, sink);
    }

    fn sink(&self, part: Part, expected: Option<Header>) -> Sink {
        Sink::Letter {
            to: self.address.clone(),
            part,
            expected,
        }
    }
}
