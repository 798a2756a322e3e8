//! Parameter groups: which tensors are treated differently, and the table in which a block finds
//! its parts.

use std::ops::Range;

use super::transform::{MAX_BLOCK, ParamGroup, Part, TrainedBy};

/// What a tensor is to an optimiser.
///
/// ```
/// use unisono::optim::{Groups, TensorKind};
/// let kinds = [TensorKind::Weight, TensorKind::BiasOrNorm];
/// let decays = kinds.map(|kind| Groups::default().param_group("dense0", kind).decay_scale);
/// assert_eq!(decays, [1.0, 0.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TensorKind {
    /// A weight: it decays where decay is asked for, and LARS and LAMB scale it by its norms.
    Weight,
    /// A bias, or gain or shift of a normalisation: neither, unless [`Groups::decays_all`].
    BiasOrNorm,
    /// A running statistic: no optimiser's business.
    Statistic,
}

/// Exceptions from treating all tensors alike.
///
/// ```
/// use unisono::optim::{Groups, TensorKind};
/// let names = ["embedding0.", "embedding0.weight"].map(String::from);
/// let layer_lrs = names.map(|name| (name, 0.5)).to_vec();
/// let groups = Groups { layer_lrs, ..Groups::default() };
/// assert_eq!(groups.param_group("embedding0.weight", TensorKind::Weight).lr_scale, 0.25);
/// assert_eq!(groups.param_group("dense1.weight", TensorKind::Weight).lr_scale, 1.0);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Groups {
    /// Whether biases and norms are treated like weights.
    pub decays_all: bool,
    /// Factors of the learning rate, by the beginning of a tensor's name. All that fit are
    /// multiplied.
    pub layer_lrs: Vec<(String, f32)>,
    /// Beginnings of the names of tensors that are not trained, running statistics included.
    pub frozen: Vec<String>,
}

impl Groups {
    /// How the tensor called `name` is treated.
    ///
    /// ```
    /// use unisono::optim::{Groups, TensorKind};
    /// let groups = Groups { layer_lrs: vec![("dense0.".into(), 0.1)], ..Groups::default() };
    /// let bias = groups.param_group("dense0.bias", TensorKind::BiasOrNorm);
    /// assert_eq!((bias.lr_scale, bias.decay_scale), (0.1, 0.0));
    /// ```
    pub fn param_group(&self, name: &str, kind: TensorKind) -> ParamGroup {
        let is_regular = kind == TensorKind::Weight || self.decays_all;
        let fitting = self.layer_lrs.iter();
        let fitting = fitting.filter(|(prefix, _)| name.starts_with(prefix.as_str()));
        let mut frozen = self.frozen.iter();
        ParamGroup {
            trained_by: match kind {
                _ if frozen.any(|prefix| name.starts_with(prefix)) => TrainedBy::Nothing,
                TensorKind::Statistic => TrainedBy::Statistic,
                _ => TrainedBy::Gradient,
            },
            lr_scale: fitting.map(|(_, scale)| scale).product(),
            decay_scale: if is_regular { 1.0 } else { 0.0 },
            adapts: is_regular,
        }
    }

    /// The first prefix that no name begins with.
    pub fn unused<'g, 'n>(
        &'g self,
        names: impl Iterator<Item = &'n str> + Clone,
    ) -> Option<&'g str> {
        let prefixes = self.layer_lrs.iter().map(|(prefix, _)| prefix);
        let prefixes = prefixes.chain(&self.frozen).map(String::as_str);
        let mut unused =
            prefixes.filter(|prefix| !names.clone().any(|name| name.starts_with(prefix)));
        unused.next()
    }
}

/// The parts of every block of the flat vector.
///
/// Example: [`PartTable::new`].
#[derive(Clone, Debug)]
pub struct PartTable {
    groups: Vec<ParamGroup>,
    ends: Vec<usize>,
    parts: Vec<Part>,
    /// Which of `parts` are a block's.
    blocks: Vec<Range<usize>>,
}

impl PartTable {
    /// For tensors that lie one after another in the flat vector: the length and group of each.
    ///
    /// ```
    /// use unisono::optim::{MAX_BLOCK, PartTable, ParamGroup};
    /// let table = PartTable::new([(10, ParamGroup::default()), (MAX_BLOCK, ParamGroup::default())]);
    /// assert_eq!(table.of_block(0, MAX_BLOCK).len(), 2);
    /// assert_eq!(table.of_block(MAX_BLOCK, 10)[0].range, 0..10);
    /// ```
    pub fn new(tensors: impl IntoIterator<Item = (usize, ParamGroup)>) -> Self {
        let mut table = Self {
            groups: Vec::new(),
            ends: Vec::new(),
            parts: Vec::new(),
            blocks: Vec::new(),
        };
        let mut offset = 0;
        for (tensor, (len, group)) in tensors.into_iter().enumerate() {
            let end = offset + len;
            table.groups.push(group);
            table.ends.push(end);
            while offset < end {
                let block = offset / MAX_BLOCK;
                let start = block * MAX_BLOCK;
                let range = offset - start..(end - start).min(MAX_BLOCK);
                offset = start + range.end;
                if table.blocks.len() == block {
                    let first = table.parts.len();
                    table.blocks.push(first..first);
                }
                table.parts.push(Part {
                    range,
                    tensor,
                    group,
                });
                table.blocks[block].end += 1;
            }
        }
        table
    }

    /// How many tensors there are.
    pub fn num_tensors(&self) -> usize {
        self.groups.len()
    }

    /// Where a tensor ends in the flat vector.
    pub fn end(&self, tensor: usize) -> usize {
        self.ends[tensor]
    }

    /// The group of a tensor.
    pub fn param_group(&self, tensor: usize) -> &ParamGroup {
        &self.groups[tensor]
    }

    /// The parts of the block of `len` elements at `offset`, a multiple of [`MAX_BLOCK`].
    ///
    /// # Panics
    /// If the block is not one of the table's.
    pub fn of_block(&self, offset: usize, len: usize) -> &[Part] {
        let parts = &self.parts[self.blocks[offset / MAX_BLOCK].clone()];
        assert!(
            offset.is_multiple_of(MAX_BLOCK)
                && parts.last().is_some_and(|last| last.range.end >= len),
            "a block of {len} parameters at {offset} is not one of the layout's"
        );
        parts
    }
}
