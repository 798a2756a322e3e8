//! Pages about the library as a whole.

#[doc = include_str!("changes.md")]
pub mod changes {}
