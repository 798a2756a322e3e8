//! Single-threaded kernels: packed matrix products for every instruction set, with the same bits.
//!
//! | file | what |
//! |---|---|
//! | `naive` | the plain twins: documentation, test oracle, benchmark baseline |
//! | `isa` | which instruction set this process uses |
//! | `pack` | operands in panels, so that one micro-kernel serves all transposes |
//! | `part` | what of an operand a product takes |
//! | `product` | `C = bias + A B`: forward and backward-data |
//! | `rows` | rows where they lie; `C = A' B` of them |
//! | `transpose` | for results that are cheaper to transpose than their operands |
//! | `columns` | sums over columns, and batch norm's loops |
//! | `softmax` | softmax over rows, and its derivative |
//! | `elementwise` | sums, exp, tanh, sigmoid, normal distribution in vectors |
//! | `simd`, `x86` | vectors and tiles; their AVX2 and AVX-512 forms |
//! | `conv` | the same chains over windows of images |
//! | `winograd` | 3 x 3 and 5 x 5 convolutions by fewer multiplications |
//! | `fold` | `C = sum over shards of A' B`, in tree order: weight gradients |
//! | `fold_rows` | the same of operands that are not packed |
//!
//! # Invariants
//! 1. Each element of a product is one chain of fused multiply-adds over k, from its start value
//!    on. So neither the vector width, nor the blocking, nor the number of rows that go along
//!    changes a bit.
//! 2. Each element of a fold is the tree of its shards' chains, each chain starting from zero.
//!
//! # Why this way
//! The `gemm` crate is as fast, but allocates in every call, reads its blocking from the cache
//! sizes, and leaves each shard's weight gradient to be written to memory before it can be added to
//! the others.

pub(crate) mod columns;
pub(crate) mod conv;
pub(crate) mod elementwise;
pub(crate) mod fold;
pub(crate) mod fold_rows;
pub mod isa;
pub mod naive;
pub(crate) mod pack;
mod part;
pub(crate) mod product;
mod rows;
mod simd;
pub(crate) mod softmax;
mod transpose;
pub(crate) mod winograd;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use crate::memory::Buffer;
pub use conv::{Windows, add_kernel_gradient, convolve};
pub use fold::{fold_products, fold_products_with_squares};
pub use isa::Isa;
pub(crate) use pack::PackedOnce;
pub use pack::{Ones, Packed, Side, Strided};
pub use part::Part;
pub use product::{Bias, Out, product, product_of_rows};
pub use rows::Rows;
pub(crate) use rows::{Columns, Operands, products_of_rows};
pub use transpose::transpose;

#[cfg(test)]
mod tests;
