//! `unisono scaling`.
//!
//! | file | what |
//! |---|---|
//! | `command` | measure and show, or compare two measurements |
//! | `settings` | settings of a measurement, and the measurement itself |
//! | `never_slower` | `--never-slower` |
//! | `what_if` | `--simulate` |

mod command;
mod never_slower;
mod settings;
mod what_if;

pub(super) use command::scaling;
