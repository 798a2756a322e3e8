//! Properties of a layer: its cost, and what the layers around it must know.

/// Multiplications and additions of products.
///
/// ```
/// use unisono::nn::Flops;
/// assert_eq!(Flops::from(3), Flops { counted: 3, executed: 3 });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flops {
    /// By the layer's definition, as everybody counts them: a measure of the work that is done.
    pub counted: u64,
    /// By the algorithm that computes it: a measure of what the machine does.
    pub executed: u64,
}

impl From<u64> for Flops {
    fn from(count: u64) -> Self {
        Self {
            counted: count,
            executed: count,
        }
    }
}

impl std::iter::Sum for Flops {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, flops| Self {
            counted: sum.counted + flops.counted,
            executed: sum.executed + flops.executed,
        })
    }
}

/// What the gradient of a layer's parameters is made of: it is `x' dy` over all positions of its
/// rows, and the column sums of dy behind it if there is a bias.
///
/// ```
/// use unisono::nn::{Build, Dense, FactorShape, Spec, kernel::Isa};
/// let layer = Dense::new(4).build(&3.into(), &mut Build::new(Isa::detect()))?;
/// assert_eq!(layer.factors(), Some(FactorShape { positions: 1, inputs: 3, outputs: 4 }));
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactorShape {
    /// Positions of a row.
    pub positions: usize,
    /// Values of x at each.
    pub inputs: usize,
    /// Values of dy at each.
    pub outputs: usize,
}
