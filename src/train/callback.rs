//! Callbacks: who is told what happens in a training, sees its weights, and may end it.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::nn::{Network, NnError, ParamLayout, Sequential};
use crate::optim::Progress;
use crate::sync::{AtomicBool, Ordering};

use super::metrics::Event;

/// Is told of the events of a training, sees the weights, and may end it. Closures
/// `|event, view| ...` are callbacks.
///
/// It runs on worker 0's thread, which may be pinned to a core ([`crate::engine::Pinning`]): start
/// threads of your own before the training, not in it.
///
/// ```
/// use std::ops::ControlFlow;
/// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}, train::{Callback, Event, View}};
///
/// /// The largest weight after each epoch.
/// #[derive(Default)]
/// struct LargestWeight(Vec<f32>);
///
/// impl Callback for LargestWeight {
///     fn on(&mut self, event: &Event<'_>, view: &View<'_>) -> ControlFlow<()> {
///         if let Event::Epoch(_) = event {
///             self.0.push(view.params().iter().fold(0.0, |most, weight| weight.abs().max(most)));
///         }
///         ControlFlow::Continue(())
///     }
/// }
///
/// let ((train, test), mut largest) = (digits(), LargestWeight::default());
/// let mut trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy).epochs(3);
/// trainer.fit_with(&train, &test, &mut largest)?;
/// assert_eq!(largest.0.len(), 3);
/// # Ok::<(), unisono::TrainError>(())
/// ```
pub trait Callback: Send {
    /// Takes an event. `ControlFlow::Break` after a step or an epoch ends the training; a further
    /// call of `fit` goes on with it.
    fn on(&mut self, event: &Event<'_>, view: &View<'_>) -> ControlFlow<()>;
}

impl<F> Callback for F
where
    F: FnMut(&Event<'_>, &View<'_>) -> ControlFlow<()> + Send,
{
    fn on(&mut self, event: &Event<'_>, view: &View<'_>) -> ControlFlow<()> {
        self(event, view)
    }
}

/// A function of the event alone as a callback.
pub(super) struct Observing<F>(pub(super) F);

impl<F: FnMut(&Event<'_>) -> ControlFlow<()> + Send> Callback for Observing<F> {
    fn on(&mut self, event: &Event<'_>, _view: &View<'_>) -> ControlFlow<()> {
        (self.0)(event)
    }
}

/// A training at an event, as a [`Callback`] sees it.
///
/// ```
/// use std::ops::ControlFlow;
/// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}, train::{Event, View}};
/// let ((train, test), model) = (digits(), Sequential::new(64).dense(10));
/// let mut trainer = Trainer::new(model.clone(), Loss::SoftmaxCrossEntropy).epochs(1);
/// let mut after_ten = None;
/// trainer.fit_with(&train, &test, &mut |event: &Event<'_>, view: &View<'_>| {
///     if view.progress().step == 10 && matches!(event, Event::Step { .. }) {
///         after_ten = Some(view.network(&model));
///     }
///     ControlFlow::Continue(())
/// })?;
/// let network = after_ten.expect("there are 45 steps")?;
/// assert_eq!(network.classify(test.inputs())?.len(), 360);
/// # Ok::<(), unisono::TrainError>(())
/// ```
#[derive(Debug)]
pub struct View<'a> {
    pub(super) params: &'a [f32],
    pub(super) layout: &'a ParamLayout,
    pub(super) progress: &'a Progress,
    /// Where a checkpoint can be asked for; `None` where none are kept.
    pub(super) wants_checkpoint: Option<&'a Cell<bool>>,
}

impl<'a> View<'a> {
    /// The parameters after the last step, tensor after tensor, never their average.
    pub fn params(&self) -> &'a [f32] {
        self.params
    }

    /// Names, shapes and places of the tensors in [`View::params`].
    pub fn layout(&self) -> &'a ParamLayout {
        self.layout
    }

    /// Steps, epochs and rows so far.
    pub fn progress(&self) -> &'a Progress {
        self.progress
    }

    /// A network of `model`, the one that is trained, with a copy of the parameters.
    ///
    /// # Errors
    /// [`NnError`] if it is another model.
    pub fn network(&self, model: &Sequential) -> Result<Network, NnError> {
        Network::with_params(model.clone(), self.params.to_vec())
    }

    /// Asks for a checkpoint, which is made after the step at hand, or the epoch; `false` if none
    /// can be, because the trainer has no [`crate::Trainer::checkpoints`].
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}};
    /// use unisono::train::{Checkpoints, Event, View};
    /// let folder = std::env::temp_dir().join(format!("unisono-asked-{}", std::process::id()));
    /// let rule = Checkpoints { every_epochs: 0, ..Checkpoints::in_folder(&folder) };
    /// let (train, test) = digits();
    /// let mut trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy)
    ///     .epochs(1)
    ///     .checkpoints(rule);
    /// trainer.fit_with(&train, &test, &mut |event: &Event<'_>, view: &View<'_>| {
    ///     if matches!(event, Event::Step { step: 7, .. }) {
    ///         assert!(view.request_checkpoint());
    ///     }
    ///     ControlFlow::Continue(())
    /// })?;
    /// assert_eq!(Checkpoints::all(&folder)?, [folder.join("step-000000007.json")]);
    /// # std::fs::remove_dir_all(folder).unwrap();
    /// # Ok::<(), unisono::TrainError>(())
    /// ```
    pub fn request_checkpoint(&self) -> bool {
        if let Some(wants) = self.wants_checkpoint {
            wants.set(true);
        }
        self.wants_checkpoint.is_some()
    }
}

/// Ends a training from another thread: after the step at hand, as if the callback had said so, or
/// within an evaluation, which a further call makes anew. Of several ranks all finish theirs.
///
/// ```
/// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}};
/// let (train, test) = digits();
/// let mut trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy);
/// let handle = trainer.stop_handle();
/// std::thread::spawn(move || handle.stop()).join().unwrap();
/// assert!(trainer.fit(&train, &test)?.is_stopped);
/// // A further call goes on.
/// assert!(!trainer.fit(&train, &test)?.is_stopped);
/// # Ok::<(), unisono::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct StopHandle(
    /// Holders of a handle set it, the training reads and clears it. It publishes nothing: all that
    /// is told is the flag itself.
    Arc<AtomicBool>,
);

impl StopHandle {
    /// A handle that has not been used.
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicBool::new(false)))
    }

    /// Asks for the end. Before a call of `fit` it ends that one after its first step; asking twice
    /// is asking once.
    pub fn stop(&self) {
        // Relaxed: a flag that publishes nothing. The training sees it after some step soon.
        self.0.store(true, Ordering::Relaxed);
    }

    /// The flag itself.
    pub(super) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    /// Whether the end was asked for.
    pub(super) fn is_asked(&self) -> bool {
        // Relaxed: a flag that publishes nothing; no other memory is read because of it.
        self.0.load(Ordering::Relaxed)
    }

    /// Forgets it: the call that it was meant for has ended.
    pub(super) fn clear(&self) {
        // Relaxed: a flag that publishes nothing. Whoever asks at the same time asks either before
        // or after.
        self.0.store(false, Ordering::Relaxed);
    }
}
