//! `unisono tune`: settings are searched by trainings with values from ranges.
//!
//! | file | what |
//! |---|---|
//! | `ranges` | ranges in the place of values, and the values of a trial |
//! | `trial` | a training with such values, or what its file has of it |
//! | `command` | what is asked for, said and written |

mod command;
mod ranges;
mod trial;

pub(super) use command::tune;
