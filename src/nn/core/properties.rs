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
/// use unisono::nn::{Build, Dense, FactorShape, Spec, Isa};
/// let layer = Dense::new(4).build(&3.into(), &mut Build::new(Isa::detect()))?;
/// assert_eq!(layer.properties().factors, Some(FactorShape { positions: 1, inputs: 3, outputs: 4 }));
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

/// What a layer costs, and what the layers around it must know.
///
/// ```
/// use unisono::nn::{Flops, Properties};
/// let dense = Properties { flops: Flops::from(6), workspace_per_row: 20, ..Properties::default() };
/// let recurrent = Properties { fewest_rows: 8, workspace_per_row: 12, ..Properties::default() };
/// let both = Properties::chain(&[dense, recurrent]);
/// assert_eq!((both.flops, both.fewest_rows, both.workspace_per_row), (Flops::from(6), 8, 20));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Properties {
    /// Multiplications and additions of the products in forward, for one row.
    pub flops: Flops,
    /// How many of these backward saves when the gradient of the input is not wanted; `None` for
    /// `flops`.
    pub input_gradient_flops: Option<Flops>,
    /// The factors of its parameters' gradient, if that is one matrix product of its input and the
    /// gradient of its output: a worker may then send these to the parameters' owners instead of
    /// the product. `Layer::backward` hands both to `Grads` all the same.
    pub factors: Option<FactorShape>,
    /// Whether the layer only changes the shape: neither forward nor backward needs to run.
    pub is_view: bool,
    /// Whether backward reads the output.
    pub needs_output: bool,
    /// Whether backward may overwrite the gradient of the output. Where several branches share this
    /// gradient, such a layer gets a copy.
    pub overwrites_gradient: bool,
    /// The size of the vocabulary, if the values of a row must be tokens.
    pub vocabulary: Option<usize>,
    /// Whether its statistics are over the rows of a shard (batch norm), so that a shard must not be
    /// cut.
    pub has_cross_row_stats: bool,
    /// Whether its statistics are over the whole batch: the layer then exchanges them with the other
    /// workers in every forward and backward, and must be given all rows of its worker at once.
    pub has_batch_stats: bool,
    /// Whether it learns nothing from batches of one row (batch norm over single values: each is its
    /// own mean, and becomes 0).
    pub needs_several_rows: bool,
    /// Whether it keeps a state of each row, from which the row at the same position of the next
    /// batch starts; that must then be the same worker's.
    pub is_stateful: bool,
    /// Rows below which its products become slow, because it computes the positions of a row one
    /// after another.
    pub fewest_rows: usize,
    /// Bytes of memory that the layer holds for a row, besides its output.
    pub bytes_per_row: usize,
    /// Bytes that backward borrows for a row (`Grads::workspace`).
    pub workspace_per_row: usize,
}

impl Default for Properties {
    /// Of a layer without products, state or memory.
    fn default() -> Self {
        Self {
            flops: Flops::default(),
            input_gradient_flops: None,
            factors: None,
            is_view: false,
            needs_output: false,
            overwrites_gradient: true,
            vocabulary: None,
            has_cross_row_stats: false,
            has_batch_stats: false,
            needs_several_rows: false,
            is_stateful: false,
            fewest_rows: 1,
            bytes_per_row: 0,
            workspace_per_row: 0,
        }
    }
}

impl Properties {
    /// Those of `layers` one after another. The memory between them is not counted, and whether the
    /// last output is needed, and what the input's gradient costs, is left to who places them.
    ///
    /// ```
    /// use unisono::nn::Properties;
    /// let view = Properties { is_view: true, ..Properties::default() };
    /// let embedding = Properties { vocabulary: Some(65), ..Properties::default() };
    /// let norm = Properties { overwrites_gradient: false, ..Properties::default() };
    /// let chain = Properties::chain(&[view, embedding, norm, view]);
    /// assert_eq!((chain.vocabulary, chain.overwrites_gradient), (Some(65), false));
    /// ```
    pub fn chain(layers: &[Properties]) -> Self {
        let first = layers.iter().find(|layer| !layer.is_view);
        let last = layers.iter().rev().find(|layer| !layer.is_view);
        Self {
            vocabulary: first.and_then(|layer| layer.vocabulary),
            overwrites_gradient: last.is_none_or(|layer| layer.overwrites_gradient),
            ..Self::together(layers)
        }
    }

    /// Those of `branches` that all get the same input.
    ///
    /// ```
    /// use unisono::nn::Properties;
    /// let tokens = |count| Properties { vocabulary: Some(count), ..Properties::default() };
    /// let parallel = Properties::parallel(&[tokens(65), Properties::default(), tokens(11)]);
    /// assert_eq!(parallel.vocabulary, Some(11));
    /// ```
    pub fn parallel(branches: &[Properties]) -> Self {
        let vocabularies = branches.iter().filter_map(|branch| branch.vocabulary);
        Self {
            vocabulary: vocabularies.min(),
            ..Self::together(branches)
        }
    }

    /// What is the same in both: work and memory add up, borrowed memory is given back before the
    /// next borrows, and what one of them needs, all need.
    fn together(all: &[Properties]) -> Self {
        let any = |has: fn(&Properties) -> bool| all.iter().any(has);
        let most = |of: fn(&Properties) -> usize| all.iter().map(of).max();
        Self {
            flops: all.iter().map(|one| one.flops).sum(),
            has_cross_row_stats: any(|one| one.has_cross_row_stats),
            has_batch_stats: any(|one| one.has_batch_stats),
            needs_several_rows: any(|one| one.needs_several_rows),
            is_stateful: any(|one| one.is_stateful),
            fewest_rows: most(|one| one.fewest_rows).unwrap_or(1),
            bytes_per_row: all.iter().map(|one| one.bytes_per_row).sum(),
            workspace_per_row: most(|one| one.workspace_per_row).unwrap_or(0),
            ..Self::default()
        }
    }
}
