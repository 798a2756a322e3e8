//! The guide: data, tasks, runs, scaling, studies, ranks, precision, speed, and how the crate is built.

#[doc = include_str!("data.md")]
pub mod data {}

#[doc = include_str!("runs.md")]
pub mod runs {}

#[doc = include_str!("json.md")]
pub mod json {}

#[doc = include_str!("library.md")]
pub mod library {}

#[doc = include_str!("scaling.md")]
pub mod scaling {}

#[doc = include_str!("studies.md")]
pub mod studies {}

#[doc = include_str!("tasks.md")]
pub mod tasks {}

#[doc = include_str!("series.md")]
pub mod series {}

#[doc = include_str!("choosing.md")]
pub mod choosing {}

#[doc = include_str!("jobs.md")]
pub mod jobs {}

#[doc = include_str!("ranks.md")]
pub mod ranks {}

#[doc = include_str!("bf16.md")]
pub mod bf16 {}

#[doc = include_str!("same_bits.md")]
pub mod same_bits {}

#[doc = include_str!("reliability.md")]
pub mod reliability {}

#[doc = include_str!("security.md")]
pub mod security {}

#[doc = include_str!("processors.md")]
pub mod processors {}

#[doc = include_str!("systems.md")]
pub mod systems {}

#[doc = include_str!("speed.md")]
pub mod speed {}

#[doc = include_str!("architecture.md")]
pub mod architecture {}

#[doc = include_str!("extending.md")]
pub mod extending {}

#[doc = include_str!("style.md")]
pub mod style {}

#[doc = include_str!("glossary.md")]
pub mod glossary {}

#[doc = include_str!("changes.md")]
pub mod changes {}

#[doc = include_str!("changes_older.md")]
pub mod changes_older {}

#[doc = include_str!("changes_first.md")]
pub mod changes_first {}
