//! Ranks of a training: what all must have alike before the first step.

use sha2::{Digest, Sha256};

use crate::data::{Dataset, Labels, LabelsMut};
use crate::engine::Ranks;

use super::error::TrainError;
use super::model::Model;
use super::parts::Parts;
use super::trainer::Trainer;

/// Rows of a data set that ranks compare, evenly spread.
const COMPARED_ROWS: usize = 256;

impl<M: Model> Trainer<M> {
    /// The other processes that this one trains with.
    fn others(&self) -> Option<&Ranks> {
        let ranks = self.config.engine.ranks.as_ref();
        ranks.filter(|ranks| ranks.num_ranks() > 1)
    }

    /// What came out of something before the first step; an error of one rank ends all.
    pub(super) fn or_abort<T>(&self, result: Result<T, TrainError>) -> Result<T, TrainError> {
        if let (Err(error), Some(ranks)) = (&result, self.others()) {
            ranks.abort(&error.to_string());
        }
        result
    }

    /// Refuses ranks with other data.
    pub(super) fn compare_data(&self, parts: &Parts<'_>) -> Result<(), TrainError> {
        let Some(ranks) = self.others() else {
            return Ok(());
        };
        let mut own = Vec::new();
        let parts = [
            ("training", Some(parts.train)),
            ("validation", parts.valid),
            ("test", parts.test),
        ];
        for (part, data) in parts {
            if let Some(data) = data {
                own.push((
                    format!("a number of {part} rows of"),
                    data.len().to_string(),
                ));
                own.push((
                    format!("a {part} set with the fingerprint"),
                    fingerprint(data)?,
                ));
            }
        }
        let own: Vec<_> = own
            .iter()
            .map(|(what, value)| (what.as_str(), value.clone()))
            .collect();
        Ok(ranks.compare(&own)?)
    }

    /// Refuses ranks with other settings, or with other weights to begin with.
    pub(super) fn compare_settings(&self) -> Result<(), TrainError> {
        let Some(ranks) = self.others() else {
            return Ok(());
        };
        let weights = Sha256::digest(bytemuck::cast_slice::<_, u8>(&self.last_params()?));
        let mut own = vec![
            ("weights with the sha256", format!("{weights:x}")),
            ("steps made before", self.progress.step.to_string()),
            ("epochs to make", self.config.epochs.to_string()),
            ("a last step of", format!("{:?}", self.config.max_steps)),
        ];
        let settings = self.settings.iter();
        own.extend(settings.map(|(name, value)| (name.as_str(), value.clone())));
        Ok(ranks.compare(&own)?)
    }
}

/// What tells a data set from another: of its shape and of some of its rows.
fn fingerprint(data: &dyn Dataset) -> Result<String, TrainError> {
    let mut hash = Sha256::new();
    let (labels, shape) = (data.labels(), data.input_shape());
    hash.update(format!("{labels:?} {shape:?}"));
    let mut inputs = vec![0.0_f32; data.input_len()];
    let (mut classes, mut values) = match labels {
        Labels::Classes(_) => (vec![0_u32], Vec::new()),
        Labels::Sequence { len, .. } => (vec![0; len], Vec::new()),
        Labels::Values(outputs) => (Vec::new(), vec![0.0_f32; outputs]),
        // Nothing to train on: it has been refused.
        Labels::None => return Ok(String::new()),
    };
    let step = data.len().div_ceil(COMPARED_ROWS).max(1);
    for row in (0..data.len()).step_by(step) {
        let labels = if classes.is_empty() {
            LabelsMut::Values(&mut values)
        } else {
            LabelsMut::Classes(&mut classes)
        };
        data.try_draw(None, &[row as u32], &mut inputs, labels)?;
        hash.update(bytemuck::cast_slice::<_, u8>(&inputs));
        hash.update(bytemuck::cast_slice::<_, u8>(&classes));
        hash.update(bytemuck::cast_slice::<_, u8>(&values));
        if data.has_weights() {
            let mut weight = [0.0_f32];
            data.gather_weights(&[row as u32], &mut weight);
            hash.update(bytemuck::cast_slice::<_, u8>(&weight));
        }
    }
    let text = format!("{:x}", hash.finalize());
    Ok(text[..16].to_owned())
}
