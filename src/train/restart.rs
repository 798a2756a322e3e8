//! Restart: what a trainer goes back to if the engine breaks in the middle of a call of `fit`.

use crate::optim::Progress;

use super::control::Control;
use super::early_stopping::Early;
use super::error::TrainError;
use super::fit_state::{Begun, FitState};
use super::model::Model;
use super::state_dict::StateDict;
use super::trainer::Trainer;

/// Where a call of `fit` began.
#[derive(Debug)]
pub(super) struct Restart {
    progress: Progress,
    dict: StateDict,
    /// The best parameters so far; nothing where the call began anew.
    fit_state: Option<Option<Vec<f32>>>,
}

impl Restart {
    pub(super) fn of(progress: &Progress, control: &Control, fit_state: &FitState) -> Self {
        let mut dict = StateDict::default();
        control.store_state(&mut dict);
        fit_state.store_state(&mut dict);
        let is_new = fit_state.position == 0 && fit_state.begun == Begun::at(progress);
        let best = fit_state.early.as_ref().and_then(Early::best);
        Self {
            progress: *progress,
            dict,
            fit_state: (!is_new).then(|| best.map(<[f32]>::to_vec)),
        }
    }

    /// Puts the trainer back to where it was.
    pub(super) fn restore<M: Model>(self, trainer: &mut Trainer<M>) -> Result<(), TrainError> {
        trainer.progress = self.progress;
        let mut control = Control::new(&trainer.config)?;
        let own = "what was remembered in this very process";
        control.restore(&self.dict).expect(own);
        trainer.control = Some(control);
        trainer.fit_state = self.fit_state.map(|best| {
            let mut fit_state = FitState::new(&trainer.config, &trainer.progress);
            fit_state.restore(&self.dict, best).expect(own);
            fit_state
        });
        Ok(())
    }
}
