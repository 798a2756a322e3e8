//! Arithmetic of products: the precision of their operands, and the instruction set that computes
//! them.
//!
//! # bfloat16
//! The operands of a product are rounded to bfloat16 (the upper half of an `f32`: its exponents, 8
//! significant bits), to nearest, ties to even; denormals become zero. A chain goes over pairs of
//! neighbours along the depth, of which a last one without a neighbour gets a zero:
//!
//! ```text
//! sum <- flush(fma(a[2p], b[2p], flush(fma(a[2p + 1], b[2p + 1], flush(sum)))))    p = 0, 1, 2, ...
//! ```
//!
//! where `flush` makes denormals zero (what would be one with as many significant bits as other
//! numbers have, is one) and all else is `f32`, rounded to nearest even. The product
//! of two bfloat16 is exact in `f32`, so each is an ordinary fused multiply-add of what was widened.
//! This is what `vdpbf16ps` does (Intel, *Intrinsics Guide*, `_mm512_dpbf16_ps`). An instruction set
//! without it gets the same bits by the kernels of `f32`: its operands are rounded `f32`, the second
//! of each pair before the first, and denormals are zeros while a kernel runs. Sums of chains flush
//! as well.

use std::fmt::{self, Display, Formatter};
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::isa::Isa;
use crate::meant::nearest;
use crate::nn::error::NnError;

/// The precision of the operands of matrix products; all else is `f32`.
///
/// ```
/// use unisono::nn::Precision;
/// assert_eq!("bf16".parse(), Ok(Precision::Bf16));
/// assert_eq!(Precision::default().to_string(), "f32");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Precision {
    /// As they are.
    #[default]
    F32,
    /// Rounded to bfloat16, multiplied and added in `f32`.
    Bf16,
}

impl Precision {
    /// All of them.
    pub const ALL: &'static [Precision] = &[Precision::F32, Precision::Bf16];

    /// The names of all, in words.
    pub(crate) fn names() -> String {
        let names: Vec<_> = Self::ALL.iter().map(|one| one.name()).collect();
        names.join(" or ")
    }

    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
        }
    }
}

impl Display for Precision {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Precision {
    type Err = NnError;

    fn from_str(name: &str) -> Result<Self, NnError> {
        let found = Self::ALL.iter().find(|precision| precision.name() == name);
        found.copied().ok_or_else(|| NnError::Precision {
            expected: Self::names(),
            got: name.to_owned(),
            meant: nearest(name, Self::ALL.iter().map(|one| one.name())),
        })
    }
}

/// How products are computed. From an [`Isa`]: in `f32`.
///
/// ```
/// use unisono::nn::kernel::{Arithmetic, Isa};
/// assert_eq!(Arithmetic::from(Isa::Portable).precision.name(), "f32");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arithmetic {
    /// The instruction set; it changes no bit.
    pub isa: Isa,
    /// The precision of the operands.
    pub precision: Precision,
}

impl From<Isa> for Arithmetic {
    fn from(isa: Isa) -> Self {
        Self {
            isa,
            precision: Precision::F32,
        }
    }
}

/// How an operand's values lie along the depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// As they are.
    Plain,
    /// Rounded, the second of each pair before the first: in the order of a chain's multiply-adds.
    Swapped,
    /// Pairs of rounded values, each in the place of one.
    Pairs,
}

impl Arithmetic {
    /// How its operands lie.
    pub(super) fn layout(self) -> Layout {
        match (self.precision, self.isa) {
            (Precision::F32, _) => Layout::Plain,
            (Precision::Bf16, Isa::Avx512Bf16) => Layout::Pairs,
            (Precision::Bf16, _) => Layout::Swapped,
        }
    }

    /// Steps of a chain over a depth: values that lie along it.
    pub(crate) fn steps(self, depth: usize) -> usize {
        match self.layout() {
            Layout::Plain => depth,
            Layout::Swapped => depth.next_multiple_of(2),
            Layout::Pairs => depth.div_ceil(2),
        }
    }

    /// Writes the steps of each of `shards`, which are neighbours from 0 on, where each begins anew.
    pub(crate) fn steps_of(self, shards: &[Range<usize>], to: &mut Vec<Range<usize>>) {
        to.clear();
        let mut first = 0;
        to.extend(shards.iter().map(|shard| {
            let own = first..first + self.steps(shard.len());
            first = own.end;
            own
        }));
    }
}
