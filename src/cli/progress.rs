//! Progress of a training. On a terminal: a live line, and a permanent one for every epoch.
//! Elsewhere: a line for every epoch, and one every ten seconds within long epochs; or JSON; or
//! nothing.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::run::{ErrorUnits, Record, UnitErrors, in_digits};
use crate::train::{EpochMetrics, Event, Scores, Setup};

use super::args::TrainCommand;
use super::stdout::is_silent;
use super::summary::Overview;
use super::terminal::columns;
use super::units::{percent, rate};
use super::watch::watched_text;

/// Time between two looks of the live line.
const LIVE: Duration = Duration::from_millis(100);

/// Time between two lines of a long epoch where there is no terminal.
const PLAIN: Duration = Duration::from_secs(10);

/// How much is said, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutputMode {
    /// A live line on a terminal, plain lines elsewhere.
    Text,
    /// One JSON object a line.
    Json,
    /// Settings and results alone.
    Quiet,
}

impl OutputMode {
    pub(super) fn of(command: &TrainCommand) -> Self {
        // Another rank of the same training speaks.
        if is_silent() {
            return OutputMode::Quiet;
        }
        match (command.json, command.quiet) {
            (true, _) => OutputMode::Json,
            (_, true) => OutputMode::Quiet,
            _ => OutputMode::Text,
        }
    }
}

/// Shows the events of a training.
#[derive(Debug)]
pub(super) struct Progress<'a> {
    mode: OutputMode,
    overview: Overview<'a>,
    /// The live line, on a terminal.
    live: Option<ProgressBar>,
    pace: Option<Pace>,
    mean: EpochMean,
    shown: Instant,
}

impl<'a> Progress<'a> {
    pub(super) fn new(mode: OutputMode, overview: Overview<'a>) -> Self {
        Self {
            mode,
            overview,
            live: None,
            pace: None,
            mean: EpochMean::default(),
            shown: Instant::now(),
        }
    }

    pub(super) fn show(&mut self, event: &Event<'_>) {
        match (event, self.mode) {
            (Event::Started(setup), _) => self.start(setup),
            (Event::Repeated { error }, _) => note!("warning: {error}; it is done again"),
            (_, OutputMode::Quiet) => {}
            (Event::Epoch(_), OutputMode::Json) => self.json(event),
            (Event::Epoch(metrics), OutputMode::Text) => self.epoch(metrics),
            (Event::Step { .. }, OutputMode::Text) => self.step(event),
            _ => {}
        }
    }

    fn start(&mut self, setup: &Setup) {
        for warning in &setup.warnings {
            note!("warning: {warning}");
        }
        match self.mode {
            OutputMode::Json => say!(
                "{}",
                serde_json::json!({
                    "event": "started",
                    "threads": setup.placement.num_threads,
                    "shards": setup.shards,
                    "rows": setup.rows,
                    "valid_rows": setup.valid_rows,
                    "test_rows": setup.test_rows,
                    "epochs": setup.epochs,
                    "recipe": self.overview.recipe.to_json(),
                })
            ),
            _ => self.overview.print(setup),
        }
        let settings = self.overview.settings;
        self.pace = Some(Pace::new(setup, settings.max_steps, settings.batch_size));
        if self.mode == OutputMode::Text && std::io::stdout().is_terminal() {
            let style = ProgressStyle::with_template("{msg}").expect("the template is well-formed");
            self.live = Some(ProgressBar::new_spinner().with_style(style));
        }
    }

    fn json(&self, event: &Event<'_>) {
        // A line a step would be too many; the run's folder has some of them.
        if let Some(mut record) = Record::of(event) {
            if let Some(units) = self.overview.units {
                record = record.measured(event, units);
            }
            let line = serde_json::to_string(&record);
            say!("{}", line.expect("records are plain values"));
        }
    }

    fn step(&mut self, event: &Event<'_>) {
        let Event::Step {
            epoch,
            examples,
            loss,
            accuracy,
            batch_size,
            ..
        } = *event
        else {
            return;
        };
        // Every step counts for mean and pace; some are shown.
        let Some(pace) = &mut self.pace else { return };
        self.mean.add(epoch, loss, accuracy, batch_size);
        let now = Instant::now();
        pace.observe(now, epoch, examples);
        let every = if self.live.is_some() { LIVE } else { PLAIN };
        if now - self.shown < every {
            return;
        }
        self.shown = now;
        let mut fields = pace.fields(epoch, examples, &self.mean);
        // Of a regression there is none.
        if self.overview.units.is_some() {
            fields.retain(|field| !field.starts_with("accuracy "));
        }
        match &self.live {
            Some(live) => live.set_message(fitted(&fields, columns())),
            None => say!("{}", fitted(&fields, usize::MAX)),
        }
    }

    fn epoch(&mut self, metrics: &EpochMetrics) {
        self.shown = Instant::now();
        let fields = epoch_fields(metrics, self.overview.units);
        match &self.live {
            Some(live) => live.suspend(|| say!("{}", fitted(&fields, columns()))),
            None => say!("{}", fitted(&fields, usize::MAX)),
        }
    }

    /// Takes the live line away: it is over, or was interrupted.
    pub(super) fn finish(&self) {
        if let Some(live) = &self.live {
            live.finish_and_clear();
        }
    }
}

/// Loss and accuracy of the rows of an epoch so far.
#[derive(Clone, Copy, Debug, Default)]
struct EpochMean {
    epoch: u32,
    rows: f64,
    loss: f64,
    accuracy: f64,
}

impl EpochMean {
    fn add(&mut self, epoch: u32, loss: f64, accuracy: f64, rows: usize) {
        if epoch != self.epoch {
            *self = Self {
                epoch,
                ..Self::default()
            };
        }
        let rows = rows as f64;
        self.rows += rows;
        self.loss += (loss - self.loss) * rows / self.rows;
        self.accuracy += (accuracy - self.accuracy) * rows / self.rows;
    }
}

/// How fast a training goes, and what is left of it.
#[derive(Clone, Copy, Debug)]
struct Pace {
    rows: usize,
    epochs: u32,
    /// Rows that will be trained on, over all epochs.
    all: u64,
    /// When the first step was seen, and how many rows there had been by then.
    begun: Option<(Instant, u64)>,
    rows_per_s: f64,
}

impl Pace {
    fn new(setup: &Setup, max_steps: Option<u64>, batch_size: usize) -> Self {
        let all = setup.rows as u64 * u64::from(setup.epochs);
        let limit = max_steps.map(|steps| steps.saturating_mul(batch_size as u64));
        Self {
            rows: setup.rows,
            epochs: setup.epochs,
            all: limit.map_or(all, |limit| limit.min(all)),
            begun: None,
            rows_per_s: f64::NAN,
        }
    }

    fn done(&self, epoch: u32, examples: usize) -> u64 {
        u64::from(epoch - 1) * self.rows as u64 + examples as u64
    }

    fn observe(&mut self, now: Instant, epoch: u32, examples: usize) {
        let done = self.done(epoch, examples);
        match self.begun {
            None => self.begun = Some((now, done)),
            Some((begun, before)) => {
                self.rows_per_s = (done - before) as f64 / (now - begun).as_secs_f64();
            }
        }
    }

    /// What a line within an epoch says, the most important first.
    fn fields(&self, epoch: u32, examples: usize, mean: &EpochMean) -> Vec<String> {
        let share = 100.0 * examples as f64 / self.rows as f64;
        let left = self.all.saturating_sub(self.done(epoch, examples)) as f64 / self.rows_per_s;
        let mut fields = vec![
            format!("epoch {epoch:>3}/{}", self.epochs),
            format!("{share:>3.0} %"),
            format!("loss {:.4}", mean.loss),
            format!("accuracy {}", percent(mean.accuracy)),
        ];
        if self.rows_per_s.is_finite() {
            fields.push(format!("{} left", time_text(left)));
            fields.push(rate(self.rows_per_s));
        }
        fields
    }
}

/// Seconds as people say them.
fn time_text(seconds: f64) -> String {
    match seconds.round() as u64 {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{}:{:02} min", seconds / 60, seconds % 60),
        seconds => format!("{}:{:02} h", seconds / 3600, seconds % 3600 / 60),
    }
}

/// What the line of an epoch says, the most important first; `units` are those of a regression.
fn epoch_fields(metrics: &EpochMetrics, units: Option<ErrorUnits>) -> Vec<String> {
    let mut fields = vec![
        format!(
            "epoch {:>3}{}",
            metrics.epoch,
            if metrics.is_whole { "" } else { " cut short" }
        ),
        format!("train loss {:.4}", metrics.train_loss),
    ];
    let part = match metrics.valid_accuracy.is_nan() {
        true => "test",
        false => "valid",
    };
    let Scores {
        loss,
        accuracy,
        errors,
        watched,
    } = metrics.evaluated();
    fields.push(format!("{part} loss {loss:.4}"));
    match units {
        None => fields.push(format!("{part} accuracy {}", percent(accuracy))),
        Some(units) => {
            let errors = errors.map(|means| units.errors(means));
            let UnitErrors { rmse, mae, r2, .. } = errors.unwrap_or_default();
            fields.extend(r2.map(|r2| format!("R2 {r2:.4}")));
            fields.extend(rmse.map(|rmse| format!("RMSE {}", in_digits(rmse))));
            fields.extend(mae.map(|mae| format!("MAE {}", in_digits(mae))));
        }
    }
    let watched = watched.filter(|watched| watched.metric.is_told());
    fields.extend(watched.map(|watched| {
        let value = watched_text(watched.value);
        format!("{} {value}", watched.metric)
    }));
    let noise = metrics.noise_scale;
    fields.extend(noise.map(|scale| format!("noise scale {scale:.0}")));
    fields.push(format!("batch {}", metrics.batch_size));
    fields.push(rate(metrics.throughput_samples_per_s));
    fields
}

/// As many of the fields, from the first on, as fit in a line of a terminal.
fn fitted(fields: &[String], columns: usize) -> String {
    let mut line = String::new();
    for field in fields {
        let gap = if line.is_empty() { "" } else { "  " };
        if line.chars().count() + gap.len() + field.chars().count() >= columns {
            break;
        }
        line += gap;
        line += field;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics() -> EpochMetrics {
        EpochMetrics {
            epoch: 12,
            step: 540,
            train_loss: 10851.78,
            train_accuracy: 0.5,
            valid_loss: f64::NAN,
            valid_accuracy: f64::NAN,
            test_loss: 10851.78,
            test_accuracy: 0.6889,
            valid_errors: None,
            test_errors: None,
            watched: None,
            lr: 0.1,
            batch_size: 16,
            noise_scale: None,
            grad_norm: 1.0,
            throughput_samples_per_s: 1_500_575.0,
            is_whole: true,
        }
    }

    #[test]
    fn the_accuracy_of_an_epoch_stands_in_a_terminal_of_80_columns() {
        for (columns, has_rate) in [(80, false), (120, true)] {
            let line = fitted(&epoch_fields(&metrics(), None), columns);
            assert!(line.chars().count() < columns, "{line}");
            assert!(line.contains("test accuracy 68.89 %"), "{line}");
            assert_eq!(line.contains("samples/s"), has_rate, "{line}");
        }
        let validated = EpochMetrics {
            valid_loss: 10851.78,
            valid_accuracy: 0.6889,
            test_loss: f64::NAN,
            test_accuracy: f64::NAN,
            ..metrics()
        };
        let line = fitted(&epoch_fields(&validated, None), 80);
        assert!(line.ends_with("valid accuracy 68.89 %"), "{line}");
    }

    #[test]
    fn the_live_line_has_the_mean_of_the_epoch_so_far_and_what_is_left() {
        let mut mean = EpochMean::default();
        mean.add(1, 100.0, 0.0, 16);
        mean.add(2, 4.0, 0.5, 16);
        mean.add(2, 1.0, 1.0, 8);
        let mut pace = Pace {
            rows: 96,
            epochs: 3,
            all: 288,
            begun: None,
            rows_per_s: f64::NAN,
        };
        // A training that goes on in its second epoch has not made the first one now.
        let begun = Instant::now();
        pace.observe(begun, 2, 16);
        pace.observe(begun + Duration::from_secs(2), 2, 24);
        let line = fitted(&pace.fields(2, 24, &mean), 80);
        let expected = "epoch   2/3   25 %  loss 3.0000  accuracy 66.67 %  42 s left  4 samples/s";
        assert_eq!(line, expected);
        assert_eq!(
            (time_text(61.2), time_text(7260.0)),
            ("1:01 min".to_owned(), "2:01 h".to_owned())
        );
    }
}
