//! Wire: a rank's reports as bytes, which every other rank reads as the report of one member.
//!
//! All numbers are little-endian, lists begin with their length.

use bytes::{Buf, BufMut, BytesMut};

use crate::engine::message::{Failure, Report};
use crate::engine::sums::{ErrorSums, Sums};
use crate::engine::update::{Norms, PartSquare};

/// Bytes of a message that a failure keeps.
const LONGEST_MESSAGE: usize = 1024;

/// Bytes of the reports of a rank with so many shards and blocks of parameters, in a step of an
/// update in one go that tracks nothing and has not failed.
#[cfg(feature = "study")]
pub(crate) fn len_of_plain(shards: usize, blocks: usize) -> usize {
    // Six lists and whether there is a failure.
    7 * size_of::<u64>() + (4 * shards + blocks) * size_of::<f64>()
}

/// Writes the reports of a rank's workers, in order, as one; `squares` are those of the rank's
/// segments, in order.
pub(crate) fn encode<'r>(
    reports: impl Iterator<Item = &'r Report> + Clone,
    squares: impl Iterator<Item = f64> + Clone,
    bytes: &mut BytesMut,
) {
    let sums = reports.clone().flat_map(|report| &report.sums);
    put_all(bytes, sums, |bytes, one| {
        for value in [one.loss, one.weight, one.rows, one.correct] {
            bytes.put_f64_le(value);
        }
    });
    // Errors of values, which a step has none of.
    let errors = reports.clone().flat_map(|report| &report.sums);
    let errors = errors.map(|sums| sums.errors);
    let has_errors = errors.clone().any(|errors| errors != ErrorSums::default());
    put_all(bytes, errors.filter(|_| has_errors), |bytes, one| {
        for value in [one.outputs, one.squared, one.absolute] {
            bytes.put_f64_le(value);
        }
    });
    put_all(bytes, squares, BytesMut::put_f64_le);
    let shard_squares = reports.clone().flat_map(|report| &report.shard_squares);
    put_all(bytes, shard_squares.copied(), BytesMut::put_f64_le);
    let parts = reports.clone().flat_map(|report| &report.part_squares);
    put_all(bytes, parts, |bytes, one| {
        put_len(bytes, one.offset);
        put_len(bytes, one.part);
        bytes.put_f64_le(one.square);
    });
    let norms = reports.clone().flat_map(|report| &report.norms);
    put_all(bytes, norms, |bytes, one| {
        put_len(bytes, one.offset);
        bytes.put_f64_le(one.params);
        bytes.put_f64_le(one.direction);
    });
    // Not one that only follows from another's.
    let failures = reports.filter_map(|report| report.failure.as_ref());
    let failure = failures.min_by_key(|failure| failure.follows);
    put_len(bytes, usize::from(failure.is_some()));
    if let Some(failure) = failure {
        put_len(bytes, failure.worker);
        put_len(bytes, failure.shards.start);
        put_len(bytes, failure.shards.end);
        bytes.put_u8(failure.is_reported.into());
        bytes.put_u8(failure.follows.into());
        let end = failure.message.floor_char_boundary(LONGEST_MESSAGE);
        let message = &failure.message[..end];
        put_len(bytes, message.len());
        bytes.put_slice(message.as_bytes());
    }
}

fn put_len(bytes: &mut BytesMut, len: usize) {
    bytes.put_u64_le(len as u64);
}

/// Writes a list: how many, and each.
fn put_all<T>(
    bytes: &mut BytesMut,
    all: impl Iterator<Item = T> + Clone,
    put: impl Fn(&mut BytesMut, T),
) {
    put_len(bytes, all.clone().count());
    all.for_each(|one| put(bytes, one));
}

/// Reads what [`encode`] wrote, into the report's memory; `None` if it is not that.
pub(crate) fn decode(mut bytes: &[u8], report: &mut Report) -> Option<()> {
    let bytes = &mut bytes;
    report.sums.clear();
    for _ in 0..len(bytes)? {
        let [loss, weight, rows, correct] =
            [real(bytes)?, real(bytes)?, real(bytes)?, real(bytes)?];
        report.sums.push(Sums {
            loss,
            weight,
            rows,
            correct,
            ..Sums::default()
        });
    }
    for at in 0..len(bytes)? {
        report.sums.get_mut(at)?.errors = ErrorSums {
            outputs: real(bytes)?,
            squared: real(bytes)?,
            absolute: real(bytes)?,
        };
    }
    reals(bytes, &mut report.squares)?;
    reals(bytes, &mut report.shard_squares)?;
    report.part_squares.clear();
    for _ in 0..len(bytes)? {
        let (offset, part, square) = (len(bytes)?, len(bytes)?, real(bytes)?);
        report.part_squares.push(PartSquare {
            offset,
            part,
            square,
        });
    }
    report.norms.clear();
    for _ in 0..len(bytes)? {
        let (offset, params, direction) = (len(bytes)?, real(bytes)?, real(bytes)?);
        report.norms.push(Norms {
            offset,
            params,
            direction,
        });
    }
    // Its workers' segments are not in the order of its workers.
    report.norms.sort_unstable_by_key(|norms| norms.offset);
    report.failure = match len(bytes)? {
        0 => None,
        _ => Some(failure(bytes)?),
    };
    Some(())
}

fn failure(bytes: &mut &[u8]) -> Option<Failure> {
    let (worker, shards) = (len(bytes)?, len(bytes)?..len(bytes)?);
    let is_reported = bytes.try_get_u8().ok()? > 0;
    let follows = bytes.try_get_u8().ok()? > 0;
    let text = len(bytes)?;
    let message = bytes.get(..text)?;
    Some(Failure {
        worker,
        shards,
        message: String::from_utf8_lossy(message).into_owned(),
        is_reported,
        follows,
    })
}

fn len(bytes: &mut &[u8]) -> Option<usize> {
    usize::try_from(bytes.try_get_u64_le().ok()?).ok()
}

fn real(bytes: &mut &[u8]) -> Option<f64> {
    bytes.try_get_f64_le().ok()
}

fn reals(bytes: &mut &[u8], values: &mut Vec<f64>) -> Option<()> {
    values.clear();
    for _ in 0..len(bytes)? {
        values.push(real(bytes)?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(worker: usize, failure: Option<Failure>) -> Report {
        let at = worker as f64;
        Report {
            worker,
            sums: vec![
                Sums {
                    loss: at,
                    weight: 2.0,
                    rows: 3.0,
                    correct: f64::NAN,
                    errors: ErrorSums {
                        outputs: at,
                        squared: -at,
                        absolute: 0.5,
                    },
                };
                worker
            ],
            shard_squares: vec![at; worker],
            part_squares: vec![PartSquare {
                offset: worker,
                part: 1,
                square: at,
            }],
            norms: vec![Norms {
                offset: 9 - worker,
                params: at,
                direction: -0.0,
            }],
            failure,
            ..Report::default()
        }
    }

    fn failure(worker: usize, follows: bool) -> Failure {
        Failure {
            worker,
            shards: worker..worker + 1,
            message: "ä".repeat(1000),
            is_reported: true,
            follows,
        }
    }

    #[test]
    fn the_reports_of_a_rank_become_one() {
        let reports = [
            report(1, None),
            report(2, Some(failure(2, true))),
            report(3, Some(failure(3, false))),
        ];
        let mut bytes = BytesMut::new();
        encode(reports.iter(), [1.5, f64::INFINITY].into_iter(), &mut bytes);
        let mut read = Report {
            squares: vec![7.0; 5],
            ..Report::default()
        };
        decode(&bytes, &mut read).unwrap();
        assert_eq!(read.sums.len(), 6);
        assert!(read.sums[5].correct.is_nan() && read.sums[5].loss == 3.0);
        assert_eq!(read.squares, [1.5, f64::INFINITY]);
        assert_eq!(read.shard_squares, [1.0, 2.0, 2.0, 3.0, 3.0, 3.0]);
        assert_eq!(read.part_squares.len(), 3);
        let offsets: Vec<usize> = read.norms.iter().map(|norms| norms.offset).collect();
        assert_eq!(offsets, [6, 7, 8]);
        let failure = read.failure.unwrap();
        assert_eq!(
            (failure.worker, failure.shards, failure.follows),
            (3, 3..4, false)
        );
        assert_eq!(failure.message, "ä".repeat(512));
    }

    #[cfg(feature = "study")]
    #[test]
    fn a_plain_report_is_as_long_as_it_is_said_to_be() {
        for (shards, blocks) in [(0, 0), (1, 3), (16, 5)] {
            let report = Report {
                sums: vec![Sums::default(); shards],
                ..Report::default()
            };
            let mut bytes = BytesMut::new();
            encode([report].iter(), vec![0.0; blocks].into_iter(), &mut bytes);
            assert_eq!(bytes.len(), len_of_plain(shards, blocks));
        }
    }

    #[test]
    fn whatever_is_cut_is_no_report() {
        let reports = [report(2, Some(failure(2, false)))];
        let mut bytes = BytesMut::new();
        encode(reports.iter(), [1.5].into_iter(), &mut bytes);
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end], &mut Report::default()), None, "{end}");
        }
    }
}
