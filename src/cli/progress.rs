//! What a training says while it runs: a live bar, lines, JSON, or nothing.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

use crate::run::Record;
use crate::train::{EpochMetrics, Event, Setup};

use super::args::TrainCommand;

/// How much is said, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Voice {
    /// A bar on a terminal, lines elsewhere.
    Text,
    /// One JSON object a line.
    Json,
    /// Results alone.
    Quiet,
}

impl Voice {
    pub(super) fn of(command: &TrainCommand) -> Self {
        match (command.json, command.quiet) {
            (true, _) => Voice::Json,
            (_, true) => Voice::Quiet,
            _ => Voice::Text,
        }
    }
}

/// Shows the events of a training.
#[derive(Debug)]
pub(super) struct Progress {
    voice: Voice,
    /// On a terminal.
    bar: Option<ProgressBar>,
    rows: u64,
}

impl Progress {
    pub(super) fn new(voice: Voice) -> Self {
        Self {
            voice,
            bar: None,
            rows: 0,
        }
    }

    pub(super) fn show(&mut self, event: &Event<'_>) {
        match (event, self.voice) {
            (Event::Started(setup), _) => self.start(setup),
            (_, Voice::Json) => {
                // A line a step would be too many; the run's folder has some of them.
                if let (Event::Epoch(_), Some(record)) = (event, Record::of(event)) {
                    let line = serde_json::to_string(&record);
                    say!("{}", line.expect("records are plain values"));
                }
            }
            (
                Event::Step {
                    epoch,
                    examples,
                    loss,
                    ..
                },
                _,
            ) => {
                if let Some(bar) = &self.bar {
                    bar.set_position(u64::from(epoch - 1) * self.rows + *examples as u64);
                    if bar.message().is_empty() {
                        bar.set_message(format!("loss {loss:.4}"));
                    }
                }
            }
            (Event::Epoch(metrics), Voice::Text) => match &self.bar {
                Some(bar) => bar.set_message(epoch_line(metrics)),
                None => say!("{}", epoch_line(metrics)),
            },
            _ => {}
        }
    }

    fn start(&mut self, setup: &Setup) {
        for warning in &setup.warnings {
            eprintln!("warning: {warning}");
        }
        if self.voice == Voice::Json {
            say!(
                "{}",
                serde_json::json!({
                    "event": "started",
                    "threads": setup.placement.num_threads,
                    "shards": setup.shards,
                    "rows": setup.rows,
                    "test_rows": setup.test_rows,
                    "epochs": setup.epochs,
                })
            );
        }
        if self.voice == Voice::Text && std::io::stdout().is_terminal() {
            let style =
                ProgressStyle::with_template("{bar:30} {percent:>3} % {eta:>4} left  {wide_msg}")
                    .expect("the template is well-formed");
            self.rows = setup.rows as u64;
            let bar = ProgressBar::new(self.rows * u64::from(setup.epochs));
            self.bar = Some(bar.with_style(style));
        }
    }

    pub(super) fn finish(&self) {
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
