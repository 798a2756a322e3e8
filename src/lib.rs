//! placeholder
pub mod engine;
pub mod nn;
pub mod seed;
mod sync;
