//! Before a training: what is said of its data, and how it is kept.

use crate::run::RunFolder;
use crate::train::{Checkpoints, Trainer};

use super::config::TrainSettings;
use super::data_options::in_flags;
use super::progress::OutputMode;
use super::reading::{cut, is_loss};
use super::run_recorder::DATA;
use super::task::Task;

/// Says what the files were taken for; where that is not wanted, what of them is lost, as warnings.
pub(super) fn introduce(task: &Task, mode: OutputMode) {
    if mode != OutputMode::Text {
        for line in task.reading.iter().filter(|line| is_loss(line)) {
            note!("warning: {}", in_flags(line));
        }
        return;
    }
    for line in cut(&task.reading) {
        say!("{}", in_flags(&line));
    }
    if let Some(balance) = &task.balance {
        say!("classes: {balance}");
    }
}

/// The trainer with checkpoints, which name what their weights depend on.
pub(super) fn keeping(
    trainer: Trainer,
    settings: &TrainSettings,
    task: &Task,
    run: Option<&RunFolder>,
) -> Trainer {
    let folder = run.map(RunFolder::checkpoints);
    let checkpoints = Checkpoints {
        folder: folder.unwrap_or_default(),
        ..settings.checkpoints.clone()
    };
    let augment = format!("{:?}", settings.data_options.augment);
    let trainer = trainer.checkpoints(checkpoints).track_layer_norms();
    trainer
        .depends_on("augmentation", augment)
        .depends_on(DATA, task.data_sha256())
}
