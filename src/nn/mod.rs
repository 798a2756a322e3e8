//! nn
pub mod kernel;
