//! Multi-head attention over the positions of a row, causal or not.
//!
//! `q, k, v = x A + a`, cut into heads of D = C / heads; for each head
//! `P = softmax(q k' / sqrt(D))`, over the positions up to its own if causal, never over padding
//! ([`Sequential::padding`](crate::nn::Sequential::padding)); `y = [P v, head by head] O + o`.
//!
//! # Shapes
//! X, Y: (B, T, C); A: (C, 3 C), columns q then k then v, each head by head; O: (C, C); P is kept:
//! (B, heads, T, T'), a row a key, so that what queries look at lies side by side, T' the next
//! multiple of 16.
//!
//! Backward: `dv = P' do`, `dP = do v'`, `dS = P (dP - rowsum(P dP)) / sqrt(D)`, `dq = dS k`,
//! `dk = dS' q`.
//!
//! # References
//! Vaswani et al.: "Attention is all you need", 2017, eq. 1.

mod build;
mod head;
mod layer;
mod spec;

pub use spec::Attention;
