//! Pages about the library as a whole.

#[doc = include_str!("ranks.md")]
pub mod ranks {}

#[doc = include_str!("bf16.md")]
pub mod bf16 {}

#[doc = include_str!("systems.md")]
pub mod systems {}

#[doc = include_str!("processors.md")]
pub mod processors {}

#[doc = include_str!("changes.md")]
pub mod changes {}
