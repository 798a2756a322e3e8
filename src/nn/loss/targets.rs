//! Targets of rows: classes or values.

/// What a row's target is.
///
/// ```
/// use unisono::nn::{Criterion, Loss, TargetKind};
/// let characters = Loss::SoftmaxCrossEntropy.target_kind(&[64, 65].into());
/// assert_eq!(characters, TargetKind::Classes { classes: 65, per_row: 64 });
/// assert_eq!(Loss::L1.target_kind(&3.into()), TargetKind::Values(3));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// For each row `per_row` classes below `classes`: one a position, or a label sequence.
    Classes {
        /// Classes below this number.
        classes: usize,
        /// 1, the length of a sequence, or that of the longest label sequence.
        per_row: usize,
    },
    /// So many values a row; a loss of one's own may need fewer or more than the model has outputs.
    Values(usize),
}

/// Targets of some rows.
///
/// ```
/// use unisono::nn::{Criterion, Loss, Targets};
/// let sums = Loss::L1.sums(&[1.0, 2.0], &1.into(), Targets::Values(&[0.0, 4.0]), None);
/// assert_eq!((sums.loss, sums.weight), (3.0, 2.0));
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a> {
    /// A class a row.
    Classes(&'a [u32]),
    /// A row of values a row.
    Values(&'a [f32]),
}

impl<'a> Targets<'a> {
    /// Classes, of a loss whose targets are classes.
    ///
    /// # Panics
    /// If they are values.
    pub fn classes(self) -> &'a [u32] {
        match self {
            Targets::Classes(classes) => classes,
            Targets::Values(_) => panic!("a loss of classes got values"),
        }
    }

    /// Values, of a loss whose targets are values.
    ///
    /// # Panics
    /// If they are classes.
    ///
    /// ```
    /// use unisono::nn::Targets;
    /// assert_eq!(Targets::Values(&[0.5]).values(), [0.5]);
    /// assert_eq!(Targets::Classes(&[3]).classes(), [3]);
    /// ```
    pub fn values(self) -> &'a [f32] {
        match self {
            Targets::Values(values) => values,
            Targets::Classes(_) => panic!("a loss of values got classes"),
        }
    }
}

/// Where a row source writes targets.
///
/// ```
/// use unisono::{data::digits, nn::{RowSource, TargetsMut}, train::Sources};
/// let (train, test) = digits();
/// let (mut inputs, mut classes) = ([0.0; 2 * 64], [0; 2]);
/// let source = Sources([&train, &test]);
/// source.gather(1, 0, &[0, 1], &mut inputs, TargetsMut::Classes(&mut classes));
/// assert_eq!(classes[..], test.class_labels().unwrap()[..2]);
/// ```
#[derive(Debug)]
pub enum TargetsMut<'a> {
    /// A class a row.
    Classes(&'a mut [u32]),
    /// A row of values a row.
    Values(&'a mut [f32]),
}
