//! Plan of a study: settings, the task, and what is varied.

use std::collections::BTreeMap;
use std::sync::Arc;

use clap::ArgMatches;
use toml::Table;

use crate::engine::{Pinning, Shards, Threads, Track};
use crate::optim::{ScalingRule, Schedule};
use crate::study::batch_size::{
    BatchPair, BranchPlan, Published, Range, Slice, Space, StepsToTarget, StudyError, Target,
    Training,
};
use crate::train::Trainer;

use super::choices::{SEARCHES, scaling_rules};
use super::config::{TrainSettings, check_shards};
use super::config_file::parse_as;
use super::document::ResolvedConfig;
use super::error::{ArgError, CommandError, refused};
use super::keys::Key;
use super::settings_table::{By, refuse, refuse_study};
use super::side_by_side::parallel_trials;
use super::study_args::{BranchArgs, StudyArgs, StudyFile, StudyOf};
use super::study_kind::StudyKind;
use super::study_values::{batches, epochs, slice, target};
use super::task::{Task, task};

/// Keys that decide outcomes and stand in no text of model, data or optimiser.
const IN_NO_TEXT: [&str; 5] = ["sampling", "augment", "shards", "freeze", "layer_lr"];

/// Settings, the task, and what is varied.
pub(super) struct Study {
    pub(super) settings: TrainSettings,
    pub(super) task: Task,
    pub(super) args: StudyArgs,
    pub(super) target: Target,
    /// Curves from elsewhere for its charts.
    pub(super) published: Vec<Published>,
    batches: Vec<usize>,
    /// Trials side by side.
    parallel: usize,
    slice: Slice,
    /// Settings beside the study's own that decide outcomes.
    besides: BTreeMap<String, String>,
}

impl Study {
    pub(super) fn new(
        kind: StudyKind,
        of: &StudyOf,
        flags: &ArgMatches,
    ) -> Result<Self, CommandError> {
        // The study's own section, and the settings of its trainings.
        let mut base = match &of.from.config {
            Some(path) => parse_as::<StudyFile>(path)?,
            None => Table::new(),
        };
        let args = study_args(&mut base, &of.study, flags);
        let file = of.from.config.clone();
        let mut resolved = ResolvedConfig::over(base, file, &of.train, flags, &of.from)?;
        let by = By::Study(kind, &args);
        refuse(&resolved, by)?;
        let defaults = section_of(&StudyArgs::default());
        refuse_study(by, &section_of(&args), &defaults, flags)?;
        // A search has plain SGD, unless an optimiser or a momentum is asked for.
        if kind.searches()
            && !resolved.is_named("optimizer.name")
            && !resolved.is_named("optimizer.momentum")
        {
            "sgd".clone_into(&mut resolved.args.optim.optimizer);
        }
        let settings = resolved.settings()?;
        let batches = batches(&args.batches)?;
        let largest = batches.iter().copied().max().unwrap_or(0);
        check_shards(settings.engine.shards, largest)?;
        let task = task(&settings)?;
        if task.targets().is_some() {
            let expected = "classify or language in a study, whose targets are those of classes";
            return Err(refused("task", expected, "regress").into());
        }
        let parallel = parallel(kind, of, resolved.is_named("engine.threads"))?;
        // Settings that decide outcomes beside the study's own, and the data.
        let mut besides: BTreeMap<String, String> = resolved
            .named()
            .iter()
            .filter(|key| IN_NO_TEXT.contains(&&*key.name))
            .filter_map(|key| Some((key.path(), resolved.value(key)?.to_string())))
            .collect();
        besides.insert("data sha256".to_owned(), task.data_sha256().to_owned());
        if let Some(valid) = &task.valid {
            let rows = valid.len();
            note!(
                "validation part: {rows} rows, which all outcomes are of; the test part is not read"
            );
        }
        Ok(Self {
            published: published(kind, of)?,
            target: target(&args)?,
            batches,
            slice: slice(&of.slice)?,
            parallel,
            besides,
            settings,
            task,
            args,
        })
    }

    /// The first batch size and the last.
    pub(super) fn pair(&self) -> BatchPair {
        BatchPair {
            small: self.batches[0],
            large: self.batches[self.batches.len() - 1],
        }
    }

    pub(super) fn branches(&self, how: &BranchArgs) -> Result<BranchPlan, ArgError> {
        let rules = ScalingRule::EACH;
        let rule = rules.into_iter().find(|rule| rule.name() == how.scaling);
        Ok(BranchPlan {
            batch_sizes: self.batches.clone(),
            at: epochs(&how.branch_at)?,
            window: how.branch_length,
            rule: rule.ok_or_else(|| refused("scaling", scaling_rules(), &how.scaling))?,
            seeds: self.args.repeats as u64,
            seed: self.settings.seed,
        })
    }

    /// Whether a target was named.
    pub(super) fn has_target(&self) -> bool {
        self.args.target_error.or(self.args.target_loss).is_some()
    }

    /// Trainings side by side, and which of them are made here.
    pub(super) fn share(&self) -> (usize, Slice) {
        (self.parallel, self.slice)
    }

    pub(super) fn threads(&self) -> (Threads, Pinning) {
        (self.settings.engine.threads, self.settings.engine.pinning)
    }

    /// What decides the outcomes: `own` and all that is beside it.
    pub(super) fn all_settings(&self, own: BTreeMap<String, String>) -> BTreeMap<String, String> {
        own.into_iter().chain(self.besides.clone()).collect()
    }

    pub(super) fn steps(&self) -> Result<StepsToTarget, CommandError> {
        let (args, settings) = (&self.args, &self.settings);
        let range = |flag, text: &str| {
            let read = text.parse::<Range>();
            read.map_err(|_| refused(flag, "LOW..HIGH with 0 < LOW <= HIGH", text))
        };
        let momentum = args.momentum_range.as_deref();
        // The space that is searched: rates, momenta, schedules.
        let schedules = args.schedules.iter().flat_map(|list| list.split(';'));
        Ok(StepsToTarget {
            batch_sizes: self.batches.clone(),
            space: Space {
                lr: range("lr-range", &args.lr_range)?,
                one_minus_momentum: momentum
                    .map(|text| range("momentum-range", text))
                    .transpose()?,
                schedules: schedules
                    .map(|text| text.trim().parse::<Schedule>())
                    .collect::<Result<_, _>>()
                    .map_err(|error| ArgError::text("schedules", &error.to_string()))?,
            },
            search: SEARCHES.of(&args.search)?,
            candidates: args.candidates,
            repeats: args.repeats,
            target: self.target,
            max_steps: settings.max_steps.unwrap_or(u64::MAX),
            max_epochs: f64::from(settings.epochs),
            seed: settings.seed,
            parallel: self.parallel,
            threads: self.threads(),
            slice: self.slice,
        })
    }

    /// The study's model on its data.
    pub(super) fn workload(&self) -> Training<'_> {
        let [train, chooses] = self.task.searched();
        let workload = Training::new(self.task.model.clone(), train, chooses)
            .optimizer(self.settings.optim.optimizer.clone())
            .schedule(self.settings.optim.schedule.clone())
            .adjust(self.adjust());
        if self.settings.engine.track == Track::ShardNorms {
            workload.track_noise_scale()
        } else {
            workload
        }
    }

    /// What every trainer of the study has: how an epoch is drawn, how the engine works.
    pub(super) fn adjust(&self) -> impl Fn(Trainer) -> Trainer + Send + Sync + use<> {
        let (sampling, engine) = (self.task.sampling.clone(), self.settings.engine.clone());
        move |trainer| {
            let trainer = trainer
                .sampling(sampling.clone())
                .all_reduce(Arc::clone(&engine.all_reduce))
                .update(engine.update)
                .balance(engine.balance);
            // A recipe's own stay.
            match engine.shards {
                Shards::Auto => trainer,
                given => trainer.shards(given),
            }
        }
    }
}

/// The curves of `--overlay`, refused before anything runs if they are for no chart of the study.
fn published(kind: StudyKind, of: &StudyOf) -> Result<Vec<Published>, StudyError> {
    let Some(path) = &of.overlay else {
        return Ok(Vec::new());
    };
    let curves = Published::read(path)?;
    Published::check(&curves, kind.charts(), path)?;
    Ok(curves)
}

/// Takes the section of a study out of a file; flags take precedence over it.
fn study_args(base: &mut Table, given: &StudyArgs, flags: &ArgMatches) -> StudyArgs {
    let mut section = Table::new();
    if let Some(value) = base.remove("study") {
        section.insert("study".to_owned(), value);
    }
    let given = section_of(given);
    for key in Key::of::<StudyArgs>("study") {
        if let (true, Some(value)) = (key.is_given(flags), key.value(&given)) {
            key.put(&mut section, value.clone());
        }
    }
    match section.remove("study") {
        Some(section) => section.try_into().expect("it has been read as such"),
        None => StudyArgs::default(),
    }
}

/// The study's settings as the section of a file.
fn section_of(args: &StudyArgs) -> Table {
    let given = Table::try_from(args).expect("settings are plain values");
    Table::from_iter([("study".to_owned(), toml::Value::Table(given))])
}

/// Trials side by side: where recipes are timed and where threads are named, one after another.
fn parallel(kind: StudyKind, of: &StudyOf, has_threads: bool) -> Result<usize, ArgError> {
    let asked = of.parallel_trials.or((!kind.searches()).then_some(1));
    parallel_trials(asked, has_threads, &kind.command())
}
