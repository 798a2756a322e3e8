//! Restart: what a trainer goes back to if the engine breaks in the middle of a call of `fit`.

use crate::optim::Progress;

use super::control::Control;
use super::early_stopping::Early;
use super::error::TrainError;
use super::memory::Memory;
use super::pending::{Begun, Pending};
use super::trainer::Trainer;

/// Where a call of `fit` began.
#[derive(Debug)]
pub(super) struct Restart {
    progress: Progress,
    memory: Memory,
    /// The best parameters so far; nothing where the call began anew.
    pending: Option<Option<Vec<f32>>>,
}

impl Restart {
    pub(super) fn of(progress: &Progress, control: &Control, pending: &Pending) -> Self {
        let mut memory = Memory::default();
        control.remember(&mut memory);
        pending.remember(&mut memory);
        let is_new = pending.position == 0 && pending.begun == Begun::at(progress);
        let best = pending.early.as_ref().and_then(Early::best);
        Self {
            progress: *progress,
            memory,
            pending: (!is_new).then(|| best.map(<[f32]>::to_vec)),
        }
    }

    /// Puts the trainer back to where it was.
    pub(super) fn restore(self, trainer: &mut Trainer) -> Result<(), TrainError> {
        trainer.progress = self.progress;
        let mut control = Control::new(&trainer.config)?;
        let own = "what was remembered in this very process";
        control.restore(&self.memory).expect(own);
        trainer.control = Some(control);
        trainer.pending = self.pending.map(|best| {
            let mut pending = Pending::new(&trainer.config, &trainer.progress);
            pending.restore(&self.memory, best).expect(own);
            pending
        });
        Ok(())
    }
}
