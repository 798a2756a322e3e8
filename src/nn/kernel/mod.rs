//! Single-threaded kernels: packed matrix products for every instruction set, with the same bits.
//!
//! Every kernel is one generic function; the dispatcher runs it compiled for an instruction set.
//! Imports point down:
//!
//! | file | what |
//! |---|---|
//! | `naive` | the plain twins: documentation, test oracle, benchmark baseline |
//! | `conv` | the products' chains over windows of images |
//! | `winograd`, `winograd_matrices` | 3 x 3 and 5 x 5 convolutions by fewer multiplications |
//! | `fold_rows` | `fold` of operands that are not packed |
//! | `fold` | `C = sum over shards of A' B`, in tree order: weight gradients |
//! | `product_transposed` | `C = A' B` of operands that are not packed |
//! | `product` | `C = bias + A B`: forward and backward-data |
//! | `rounding` | rows of a left operand in the product's precision |
//! | `part` | part of a packed operand |
//! | `pack` | operands in panels, so that one micro-kernel serves all transposes |
//! | `panels` | a matrix copied into panels |
//! | `pairs` | pairs of bfloat16 by an instruction |
//! | `dispatch` | the table of tiles; runs a kernel for an instruction set |
//! | `arithmetic` | precision and instruction set of a product |
//! | `isa` | instruction sets, and which one this process uses |
//! | `x86` | AVX2 and AVX-512, with their unsafe code |
//! | `neon` | NEON, with its unsafe code |
//! | `tile` | tiles in registers, and their chains of multiply-adds |
//! | `simd` | what an instruction set and a kernel are |
//! | `bf16` | rounding to bfloat16 |
//! | `fused` | fused multiply-add of single values |
//! | `operands` | operands and results as they lie in memory |
//!
//! Beside them are loops that the compiler vectorises, compiled for every instruction set by
//! `multiversion`:
//!
//! | file | what |
//! |---|---|
//! | `transpose` | for results that are cheaper to transpose than their operands |
//! | `columns` | sums over columns, and batch norm's loops |
//! | `softmax` | softmax over rows or columns, and its derivative |
//! | `elementwise` | sums, exp, tanh, sigmoid, normal distribution |
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

mod arithmetic;
mod bf16;
pub(crate) mod columns;
mod conv;
mod dispatch;
pub(crate) mod elementwise;
mod fold;
pub(crate) mod fold_rows;
pub(crate) mod fused;
pub mod isa;
pub mod naive;
#[cfg(target_arch = "aarch64")]
mod neon;
mod operands;
mod pack;
mod pairs;
mod panels;
mod part;
mod product;
mod product_transposed;
mod rounding;
mod simd;
pub(crate) mod softmax;
mod tile;
mod transpose;
pub(crate) mod winograd;
mod winograd_matrices;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use crate::memory::Buffer;
pub use arithmetic::{Arithmetic, Precision};
pub use conv::{Windows, add_kernel_gradient, convolve};
pub use fold::{fold_products, fold_products_with_squares};
pub use isa::Isa;
pub use operands::{Bias, Out, Rows, Strided};
pub(crate) use operands::{Columns, RowPair};
pub(crate) use pack::PackedOnce;
pub use pack::{Ones, Packed, Side};
pub use part::Part;
pub use product::{product, product_of_rows};
pub(crate) use product_transposed::product_transposed;
pub use rounding::{OperandRows, Rounding};
pub use transpose::transpose;

#[cfg(test)]
mod tests;
