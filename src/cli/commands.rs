//! What the commands do.

use std::io::IsTerminal;
use std::ops::ControlFlow;

use indicatif::{ProgressBar, ProgressStyle};

use crate::data::{Dataset, Labels, Sampling, digits};
use crate::engine::{Shards, Threads};
use crate::nn::{Loss, Network, Sequential, presets};
use crate::study::made_up_data;
use crate::train::{EpochMetrics, Event, Report, Setup, TrainError, Trainer};

use super::config::TrainSettings;

/// Hidden units of the default network: 64-64-10 has 4,810 parameters.
const HIDDEN: usize = 64;

/// Characters of a text's windows, where no preset says otherwise.
const CONTEXT: usize = 64;

/// Training and test rows of made-up data.
const MADE_UP: (usize, usize) = (1024, 256);

/// `unisono train`.
pub(super) fn train(settings: &TrainSettings) -> Result<(), TrainError> {
    let Task {
        model,
        data: [train, test],
        sampling,
        about,
    } = task(settings)?;
    let mut trainer = trainer(settings, model).sampling(sampling);
    let mut progress = Progress::new();
    let report = trainer.fit_observed(&*train, &*test, |event| {
        progress.show(event);
        ControlFlow::Continue(())
    })?;
    progress.finish();
    let network = trainer.network()?;
    summary(settings, (&network, &about), &report);
    Ok(())
}

/// A trainer with these settings.
pub(super) fn trainer(settings: &TrainSettings, model: Sequential) -> Trainer {
    let engine = &settings.engine;
    let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
        .threads(engine.threads)
        .pinning(engine.pinning)
        .batch_size(settings.batch_size)
        .batch_policy(settings.optim.batch_rule)
        .epochs(settings.epochs)
        .optimizer(settings.optim.optimizer.clone())
        .schedule(settings.optim.schedule.clone())
        .seed(settings.seed)
        .all_reduce(engine.all_reduce)
        .update(engine.update)
        .on_non_finite(settings.on_non_finite);
    if let Some(steps) = settings.max_steps {
        trainer = trainer.max_steps(steps);
    }
    if let Some(shards) = engine.shards {
        trainer = trainer.shards(shards);
    }
    if let Some(rule) = settings.early_stopping {
        trainer = trainer.early_stopping(rule);
    }
    if settings.tracks_noise_scale {
        trainer = trainer.track_noise_scale();
    }
    trainer
}

/// What is trained.
pub(super) struct Task {
    pub(super) model: Sequential,
    pub(super) data: [Box<dyn Dataset>; 2],
    pub(super) sampling: Sampling,
    about: String,
}

/// A preset on files or made-up data, or the small network on files or the embedded digits.
pub(super) fn task(settings: &TrainSettings) -> Result<Task, TrainError> {
    if let Some(path) = &settings.data {
        return own_data(settings, path);
    }
    let Some(preset) = &settings.preset else {
        let (train, test) = digits();
        return Ok(Task {
            model: small(&[64], 10),
            data: [Box::new(train), Box::new(test)],
            sampling: Sampling::Shuffle,
            about: "UCI digits (8x8)".to_owned(),
        });
    };
    let all = made_up_data(preset, MADE_UP.0 + MADE_UP.1, settings.seed);
    let part = |rows: std::ops::Range<usize>| -> Box<dyn Dataset> {
        Box::new(all.subset(&rows.collect::<Vec<_>>()))
    };
    Ok(Task {
        model: preset.model.clone(),
        data: [part(0..MADE_UP.0), part(MADE_UP.0..MADE_UP.0 + MADE_UP.1)],
        sampling: Sampling::Shuffle,
        about: "made up from the seed".to_owned(),
    })
}

/// The default network: one hidden layer.
fn small(axes: &[usize], classes: usize) -> Sequential {
    Sequential::flat(axes).dense(HIDDEN).relu().dense(classes)
}

/// A model on the user's files: the preset in the data's shape, else the small network, or a GPT for texts.
fn own_data(settings: &TrainSettings, path: &std::path::Path) -> Result<Task, TrainError> {
    let loaded = settings.load.load(path, CONTEXT, settings.seed)?;
    let (axes, is_text, classes) = match loaded.data[0].labels() {
        Labels::Classes(classes) => (loaded.axes(), false, classes),
        Labels::Sequence { classes, len } => (vec![len], true, classes),
        Labels::Values(values) => (loaded.axes(), false, values),
    };
    let model = match (&settings.preset, is_text) {
        (None, false) => small(&axes, classes),
        (preset, _) => {
            let name = preset.as_ref().map_or("gpt", |preset| preset.name);
            let fits = ["lstm", "gpt"].contains(&name) == is_text;
            let fitted = fits
                .then(|| presets::fitted(name, &axes, classes))
                .flatten();
            let odd = TrainError::Preset {
                name,
                axes,
                is_text,
            };
            fitted.ok_or(odd)?.model
        }
    };
    if let Some(balance) = loaded.balance() {
        say!("classes: {balance}");
    }
    Ok(Task {
        model,
        sampling: settings.load.sampling(&loaded),
        data: loaded.data,
        about: loaded.about,
    })
}

/// The live bar on a terminal; one line an epoch elsewhere.
struct Progress {
    bar: Option<ProgressBar>,
    rows: u64,
}

impl Progress {
    fn new() -> Self {
        Self { bar: None, rows: 0 }
    }

    fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::Started(setup) => self.start(setup),
            Event::Step {
                epoch, examples, ..
            } => {
                if let Some(bar) = &self.bar {
                    bar.set_position(u64::from(epoch - 1) * self.rows + *examples as u64);
                }
            }
            Event::Epoch(metrics) => match &self.bar {
                Some(bar) => bar.set_message(epoch_line(metrics)),
                None => say!("{}", epoch_line(metrics)),
            },
        }
    }

    fn start(&mut self, setup: &Setup) {
        for warning in &setup.warnings {
            eprintln!("warning: {warning}");
        }
        if std::io::stdout().is_terminal() {
            let style =
                ProgressStyle::with_template("{bar:30} {percent:>3} % {eta:>4} left  {wide_msg}")
                    .expect("the template is well-formed");
            self.rows = setup.rows as u64;
            self.bar =
                Some(ProgressBar::new(self.rows * u64::from(setup.epochs)).with_style(style));
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish();
        }
    }
}

fn epoch_line(metrics: &EpochMetrics) -> String {
    let noise = metrics
        .noise_scale
        .map(|scale| format!("  noise scale {scale:.0}"));
    format!(
        "epoch {:>3}  train loss {:.4}  test loss {:.4}  test accuracy {:.2} %  batch {}{}  {:.0} samples/s",
        metrics.epoch,
        metrics.train_loss,
        metrics.test_loss,
        100.0 * metrics.test_accuracy,
        metrics.batch_size,
        noise.unwrap_or_default(),
        metrics.throughput_samples_per_s
    )
}

/// What came out, one `key: value` a line; the fingerprint of the weights last.
fn summary(settings: &TrainSettings, (network, about): (&Network, &str), report: &Report) {
    let setup = &report.setup;
    say!(
        "model: {} ({} parameters)",
        network.model(),
        network.layout().num_params()
    );
    say!(
        "data: {about}, {} training and {} test rows",
        setup.rows,
        setup.test_rows
    );
    let optim = &settings.optim;
    say!("optimizer: {}", optim.optimizer);
    say!("schedule: {}", optim.schedule);
    say!("batch size: {} ({})", settings.batch_size, optim.batch_rule);
    say!("epochs: {}", report.epochs.len());
    say!("steps: {} ({} skipped)", report.steps, report.skipped_steps);
    say!(
        "threads requested: {}",
        requested_text(setup.placement.requested)
    );
    say!("threads: {}", threads_text(setup));
    say!("shards: {}", shards_text(settings, setup.shards));
    say!("all-reduce: {}", settings.engine.all_reduce.name());
    say!("update: {}", settings.engine.update.name());
    say!("seed: {}", settings.seed);
    if let Some(last) = report.epochs.last() {
        say!("train loss: {:.6}", last.train_loss);
        say!("gradient norm: {:.6}", last.grad_norm);
        say!("learning rate: {}", last.lr);
        if let Some(scale) = last.noise_scale {
            say!("noise scale: {scale:.1} rows");
        }
    }
    if let Some(best) = report.best_epoch {
        say!("best epoch: {}, kept", best + 1);
    }
    say!("test loss: {:.6}", report.test_loss());
    say!("test accuracy: {:.2} %", 100.0 * report.test_accuracy());
    say!(
        "throughput: {:.0} samples/s",
        report.throughput_samples_per_s
    );
    say!("wall time: {:.2} s", report.wall_time.as_secs_f64());
    say!("weights sha256: {}", network.weights_sha256());
}

fn threads_text(setup: &Setup) -> String {
    let placement = &setup.placement;
    let pinned = if placement.is_pinned() {
        "pinned"
    } else {
        "not pinned"
    };
    format!("{} ({pinned})", placement.num_threads)
}

fn requested_text(requested: Threads) -> String {
    match requested {
        Threads::Auto | Threads::AtMost(_) => "auto".to_owned(),
        Threads::Fixed(n) => n.to_string(),
    }
}

fn shards_text(settings: &TrainSettings, shards: usize) -> String {
    match settings.engine.shards {
        Some(Shards::PerWorker) => {
            format!("{shards} (per worker: not the same bits for other thread counts)")
        }
        _ => shards.to_string(),
    }
}
