//! Labelled rows of other files, made as those of a training were.

use std::path::Path;

use crate::data::error::DataError;
use crate::data::preparation::{Preparation, RowKind};
use crate::data::table_encoder::TableEncoder;
use crate::data::text::TextDataset;
use crate::data::tokens::Tokenizer;
use crate::data::unlabelled::PredictInput;

use super::{labelled_arrays, labelled_folders, labelled_tables};

/// The seed of the offsets of a text's windows in training, which an evaluation does not draw.
const NO_SEED: u64 = 0;

impl Preparation {
    /// Makes labelled rows of what lies at `path`, as [`Preparation::rows`] makes rows without
    /// labels: nothing is fitted to them. Of a table the columns are found by name, the label's
    /// too; of arrays a `.npz` or a folder of `.npy` files holds inputs and labels; images and
    /// sounds lie in folders of their classes; a text is cut into windows. Where files have a part
    /// to evaluate on beside one to train on, it is the one that is read.
    ///
    /// ```
    /// use unisono::data::{DataError, DataOptions, Dataset, open};
    /// let path = |name: &str| std::env::temp_dir().join(format!("unisono-labelled-{}-{name}", std::process::id()));
    /// let rows: String = (0..20).map(|row| format!("{row},{}\n", ["low", "high"][row / 10])).collect();
    /// std::fs::write(path("old.csv"), format!("size,kind\n{rows}")).unwrap();
    /// std::fs::write(path("new.csv"), "kind,size\nhigh,12\nlow,3\n").unwrap();
    /// let preparation = open(&path("old.csv"), &DataOptions::default())?.preparation;
    /// let new = preparation.labelled(&path("new.csv"))?;
    /// let mut classes = [0; 2];
    /// new.data.gather_classes(&[0, 1], &mut classes);
    /// assert_eq!(classes.map(|class| preparation.class(class as usize)), ["high", "low"]);
    /// # for name in ["old.csv", "new.csv"] { std::fs::remove_file(path(name)).unwrap(); }
    /// # Ok::<(), DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError`] if it cannot be read, holds rows of another kind or without labels, or rows of
    /// a class that the training has not.
    pub fn labelled(&self, path: &Path) -> Result<PredictInput, DataError> {
        self.made_with_labels(path)
            .map_err(|error| error.within(path))
    }

    fn made_with_labels(&self, path: &Path) -> Result<PredictInput, DataError> {
        match &self.rows {
            RowKind::Table {
                columns,
                encoders,
                scale,
            } => {
                let encoder = TableEncoder::kept(columns.names.len(), encoders, scale);
                labelled_tables::table(self, path, columns, &encoder)
            }
            RowKind::Series {
                columns,
                encoders,
                scale,
                windows,
            } => {
                let encoder = TableEncoder::kept(columns.names.len(), encoders, scale);
                labelled_tables::series(self, path, columns, &encoder, *windows)
            }
            RowKind::Texts { columns, hasher } => {
                labelled_tables::texts(self, path, columns, hasher)
            }
            RowKind::Array { shape, scale } => {
                labelled_arrays::array(self, path, shape, scale.as_ref())
            }
            RowKind::Images { shape, statistics } => {
                labelled_folders::images(self, path, *shape, statistics)
            }
            RowKind::Sounds {
                settings,
                frames,
                scale,
            } => labelled_folders::sounds(self, path, *settings, *frames, scale),
            RowKind::Tokens { tokenizer, context } => text(path, tokenizer, *context),
        }
    }
}

/// All windows of a text.
fn text(path: &Path, tokenizer: &Tokenizer, context: usize) -> Result<PredictInput, DataError> {
    let tokens = tokenizer.encode_file(path)?;
    if tokens.len() <= context {
        return Err(DataError::unfit(
            path,
            format!(
                "at least {} tokens, a window and the one behind it",
                context + 1
            ),
            tokens.len().to_string(),
            "take a longer text",
        ));
    }
    let windows = TextDataset::new(tokens, tokenizer.len(), context, NO_SEED)?;
    Ok(PredictInput::labelled(windows, Vec::new()))
}
