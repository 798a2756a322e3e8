//! `unisono tune`: settings are searched by trainings with values from ranges.
//!
//! | file | what |
//! |---|---|
//! | `ranges` | ranges in the place of values, and the values of a trial |
//! | `trial` | a training with such values, or what its file has of it |
//! | `tried` | what came of trials |
//! | `standing` | which weights a trial would keep now, and whether its rung is over |
//! | `halving` | successive halving: the best third goes on |
//! | `command` | what is asked for, and said before the trials |
//! | `conclusion` | what is said and written at the end |

mod command;
mod conclusion;
mod halving;
mod ranges;
mod standing;
mod trial;
mod tried;

pub(super) use command::tune;
