//! Models of what workers hand each other: segments that come home to be filled again, parameters
//! that are written once nobody reads them, and receivers that sleep, in every order that loom tells
//! apart.
//!
//! Nothing wakes a sleeper but a message ([`crate::sync`] has no clock), so one that is lost, or that
//! wakes nobody, is a model that never ends, which loom tells.

use super::*;
use crate::engine::params::Params;
use crate::engine::segment::{GradBuffer, Segment};
use crate::sync::{model, thread};

/// Steps of a model: in the second one everything is used again.
const STEPS: usize = 2;

/// The next message, slept for.
fn next<T>(inbox: &Mailbox<T>) -> T {
    let latch = FailureLatch::new();
    let watch = Watch {
        waiting: Waiting::Block,
        latch: &latch,
        note: None,
        peers: None,
    };
    inbox.receive(watch).expect("nobody raises the latch")
}

#[test]
fn loom_a_sleeper_gets_the_messages_of_each_sender_in_order() {
    model(|| {
        let (address, inbox) = mailbox(3);
        let other = address.clone();
        let senders = [
            thread::spawn(move || [1, 2].into_iter().for_each(|n| address.send(n))),
            thread::spawn(move || other.send(10)),
        ];
        let received = [0; 3].map(|_| next(&inbox));
        assert_eq!(received.iter().sum::<i32>(), 13);
        let of_the_first: Vec<_> = received.iter().filter(|n| **n < 10).collect();
        assert_eq!(of_the_first, [&1, &2]);
        senders
            .into_iter()
            .for_each(|sender| sender.join().unwrap());
    });
}

#[test]
fn loom_a_segment_is_added_elsewhere_and_comes_home_to_be_filled_again() {
    model(|| {
        let (to_adder, at_adder) = mailbox::<Segment>(1);
        let (to_owner, at_owner) = mailbox::<Segment>(1);
        let adder = thread::spawn(move || {
            for _ in 0..STEPS {
                let mut segment = next(&at_adder);
                segment.as_mut_slice()[0] += 0.5;
                to_owner.send(segment);
            }
        });
        let mut grad = GradBuffer::new(&[0..1, 1..2]);
        for step in 0..STEPS {
            grad.as_mut_slice().fill(step as f32);
            grad.split();
            to_adder.send(grad.take(1));
            let mut own = grad.take(0);
            own.as_mut_slice()[0] += 0.25;
            grad.put_back(0, own);
            grad.put_back(1, next(&at_owner));
            grad.join();
            let added = [step as f32 + 0.25, step as f32 + 0.5];
            assert_eq!(grad.as_mut_slice(), added);
        }
        adder.join().unwrap();
    });
}

#[test]
fn loom_parameters_are_written_where_they_lie_once_their_readers_have_given_them_up() {
    model(|| {
        let cuts = [0..1, 1..2];
        let (to_reader, at_reader) = mailbox::<Params>(1);
        let (to_owner, at_owner) = mailbox::<Params>(1);
        let reader = thread::spawn(move || {
            for step in 0..STEPS {
                let params = next(&at_reader);
                assert_eq!(params.as_slice(), [step as f32; 2]);
                to_owner.send(params);
            }
        });
        let mut parts = Params::zeros(&cuts);
        let mut at = None;
        for _ in 0..STEPS {
            let params = Params::join(&mut parts);
            let address = params.as_slice().as_ptr();
            assert_eq!(*at.get_or_insert(address), address, "nothing is copied");
            to_reader.send(params.clone());
            drop(next(&at_owner));
            params.split(&cuts, &mut parts);
            for part in parts.iter_mut().flatten() {
                part.as_mut_slice()[0] += 1.0;
            }
        }
        reader.join().unwrap();
    });
}
