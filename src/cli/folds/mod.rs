//! `unisono train --folds K`: a cross-validation.
//!
//! | file | what |
//! |---|---|
//! | `command` | what is asked for, what is said, what is written |
//! | `training` | the training of one fold, or the one that its folder has |
//! | `outcome` | what came of a fold: metrics of its rows, and their predictions |
//! | `spread` | mean and deviation over the folds |

mod command;
mod outcome;
mod spread;
mod training;

pub(super) use command::{are_asked, train_folds};
