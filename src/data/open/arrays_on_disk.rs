//! Arrays whose rows stay on the disk: their parts, standardised as they are read.

use crate::data::array_file::ArrayFile;
use crate::data::dataset::Dataset;
use crate::data::error::DataError;
use crate::data::preparation::RowKind;

use super::opened::ReadParts;
use super::source::Source;

/// The parts of rows that stay on the disk.
pub(super) struct Files {
    pub(super) train: ArrayFile,
    pub(super) valid: Option<ArrayFile>,
    pub(super) test: Option<ArrayFile>,
}

impl Files {
    /// All parts with one scale, that of the training part.
    pub(super) fn read_parts(
        self,
        source: &Source<'_>,
        class_names: Vec<String>,
        mut reading: Vec<String>,
    ) -> Result<ReadParts, DataError> {
        source.refuse_image_changes()?;
        let Self { train, valid, test } = self;
        let shape = train.input_shape();
        let scale = train.scale()?;
        for part in valid.iter().chain(&test) {
            part.check_within(&scale)?;
        }
        reading.extend(train.rounded(&scale)?);
        reading.push(format!(
            "inputs: rows of shape {shape:?}, left on the disk, each value standardised over the training part"
        ));
        let standardised = |part: ArrayFile| part.standardised(scale.clone());
        let boxed = |part: Option<ArrayFile>| {
            part.map(|part| Box::new(standardised(part)) as Box<dyn Dataset>)
        };
        let (train, valid, test) = (standardised(train), boxed(valid), boxed(test));
        // Classes, for balanced sampling.
        let mut train_classes = vec![0; train.len()];
        let rows: Vec<u32> = (0..train.len() as u32).collect();
        train.gather_classes(&rows, &mut train_classes);
        Ok(ReadParts {
            about: format!(
                "{}, rows of shape {shape:?}, left on the disk",
                source.path.display()
            ),
            reading,
            images: None,
            rows: RowKind::Array {
                shape,
                scale: Some(scale),
            },
            train: Box::new(train),
            valid,
            test,
            class_names,
            train_classes: Some(train_classes),
            targets: None,
        })
    }
}
