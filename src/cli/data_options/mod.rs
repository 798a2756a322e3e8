//! The options of [`crate::data::open()`], from flags; its messages, in flags.
//!
//! | file | what |
//! |---|---|
//! | `convert` | [`data_options`]: from flags to options |
//! | `table`, `augment`, `values` | tables, augmentations, single values |
//! | `flag_names` | [`in_flags`]: options in messages become flags |
//! | `opening` | [`opened`]: opens data with a bar on the terminal |

mod augment;
mod convert;
mod flag_names;
mod opening;
mod table;
mod values;

pub(super) use convert::{data_options, takes_augment};
pub(super) use flag_names::in_flags;
pub(super) use opening::opened;
pub(super) use values::cache;
