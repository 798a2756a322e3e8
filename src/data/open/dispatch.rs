//! [`open`]: from a path to the reader of what lies there.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::data::dataset::Labels;
use crate::data::error::DataError;
use crate::data::files::{TABLES, has_end};
use crate::data::listed::listed;
use crate::data::preparation::Preparation;
use crate::data::sampler::Sampling;
use crate::data::targets::Target;

use super::kind::DataKind;
use super::opened::{Opened, ReadParts, classes_of, count_classes};
use super::options::{DataOptions, RowOrder, Split};
use super::source::{OpenEvent, Source};
use super::{arrays, images, series, sounds, tables, texts};

/// Opens whatever lies at `path`: a folder of images, of sounds or of arrays, MNIST's or CIFAR's
/// files, a table, an archive of arrays, or a text.
///
/// ```
/// use unisono::data::{DataOptions, open};
/// use unisono::nn::{Loss, Sequential};
/// use unisono::train::Trainer;
/// let path = std::env::temp_dir().join(format!("unisono-open-{}.csv", std::process::id()));
/// let rows: String = (0..40).map(|row| format!("{row},{}\n", ["low", "high"][row / 20])).collect();
/// std::fs::write(&path, rows).unwrap();
/// let data = open(&path, &DataOptions::default())?;
/// let model = Sequential::new(1).dense(2);
/// let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy).epochs(1);
/// trainer.fit(&*data.train, &*data.test)?;
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), unisono::train::TrainError>(())
/// ```
///
/// # Errors
/// [`DataError`]: what is expected there, what there is, and what to do; options that do not apply
/// are refused by name.
pub fn open(path: &Path, options: &DataOptions) -> Result<Opened, DataError> {
    open_observed(path, options, |_| ())
}

/// The same; `observer` is told of every image that was decoded, and of warnings.
///
/// ```
/// use unisono::data::{DataOptions, OpenEvent, open_observed};
/// let error = open_observed("no/such/file.csv".as_ref(), &DataOptions::default(), |event| {
///     if let OpenEvent::Warning(text) = event {
///         eprintln!("warning: {text}");
///     }
/// });
/// assert!(error.is_err());
/// ```
///
/// # Errors
/// As [`open`].
pub fn open_observed(
    path: &Path,
    options: &DataOptions,
    observer: impl Fn(OpenEvent<'_>) + Sync,
) -> Result<Opened, DataError> {
    options.check()?;
    let kind = DataKind::of(path, options)?;
    let source = Source {
        path,
        options,
        observer: &observer,
        drawn: OnceLock::new(),
    };
    if options.test.is_some() {
        source.refuse_split("data whose test part is another file (`test`)")?;
    }
    let read = read(&source, kind).map_err(|error| error.within(path))?;
    if let Labels::Values(_) = read.train.labels() {
        source.refuse_classes()?;
    }
    opened(&source, kind, read)
}

/// Hands a source to the reader of its kind.
fn read(source: &Source<'_>, kind: DataKind) -> Result<ReadParts, DataError> {
    if let Some(option) = idle_option(source.options, kind) {
        return Err(source.unused(option.to_owned(), kind.name()));
    }
    match kind {
        DataKind::IdxFolder => images::idx_folder(source),
        DataKind::CifarFolder => images::cifar_folder(source),
        DataKind::ImageFolder { .. } => images::image_folder(source),
        DataKind::Sounds => sounds::sounds(source),
        DataKind::Table if source.options.windows.is_some() => series::series(source),
        DataKind::Table if source.options.text => tables::labelled_texts(source),
        DataKind::Table => tables::table(source),
        DataKind::Npz => arrays::npz(source),
        DataKind::NpyFolder => arrays::npy_folder(source),
        DataKind::Text => texts::text(source),
        DataKind::Idx | DataKind::Npy => Err(DataError::unfit(
            source.path,
            "inputs and labels",
            "one array",
            "give a folder with MNIST's four files, or a .npz or a folder of .npy files with both",
        )),
    }
}

/// An option that was given and does not apply to a kind of data.
fn idle_option(options: &DataOptions, kind: DataKind) -> Option<&'static str> {
    let is_images = matches!(kind, DataKind::ImageFolder { .. });
    let is_groups = options.split == Some(Split::Groups);
    let is_balanced = options.sampling == RowOrder::Balanced;
    let idle = [
        ("`text`", options.text && kind != DataKind::Table),
        (
            "`window`",
            options.windows.is_some() && kind != DataKind::Table,
        ),
        (
            "`task` regress",
            options.table.target == Target::Values && !kind.has_numbers(),
        ),
        (
            "`task` multi-label",
            options.table.target == Target::Labels && !kind.has_numbers(),
        ),
        (
            "`tokens`",
            options.tokens.is_some() && kind != DataKind::Text,
        ),
        ("`image_size`", options.images.size.is_some() && !is_images),
        ("`grey`", options.images.is_grey && !is_images),
        ("`split` groups", is_groups && kind != DataKind::Sounds),
        (
            "`split` last",
            options.split == Some(Split::Last) && !kind.has_order(),
        ),
        ("`sampling` balanced", is_balanced && kind == DataKind::Text),
        (
            "`folds`",
            options.fold.is_some() && (kind == DataKind::Text || kind.has_parts()),
        ),
        ("`augment`", !kind.takes(&options.augment, options.text)),
    ];
    let found = idle.into_iter().find(|(_, is_idle)| *is_idle);
    found.map(|(name, _)| name)
}

/// Adds what is said of every kind of data.
fn opened(source: &Source<'_>, kind: DataKind, read: ReadParts) -> Result<Opened, DataError> {
    let options = source.options;
    let task = task_of(&read);
    let read = read.with_lines(vec![
        format!("kind: {}{}", kind.short_name(), note_on(source, kind)),
        format!("task: {task}"),
    ]);
    // Classes, and the order of an epoch.
    let num_classes = match read.train.labels() {
        Labels::Classes(classes) | Labels::Sequence { classes, .. } => classes,
        Labels::Values(labels) if read.targets.is_none() => labels,
        Labels::Values(_) | Labels::None => 0,
    };
    let preparation = Preparation {
        rows: read.rows,
        num_classes,
        class_names: read.class_names,
        targets: read.targets,
        is_multi_label: task == "multi-label",
    };
    let mut reading = read.reading;
    let classes = read.train_classes.as_deref().unwrap_or_default();
    reading.extend(untrained(classes, &preparation));
    // Parts that are other files, prepared as the training part is.
    let mut other = |part: &'static str, file: &Option<PathBuf>| match file {
        None => Ok(None),
        Some(file) => {
            let (data, said) = source.other_part(part, file, &preparation)?;
            reading.extend(said);
            Ok::<_, DataError>(Some(data))
        }
    };
    let valid = other("validation", &options.valid)?.or(read.valid);
    let test = other("test", &options.test)?.or(read.test);
    let test = test.expect("a test part is drawn, or it is another file");
    if let (Some(valid), Labels::Classes(_)) = (&valid, read.train.labels()) {
        check_valid_classes(source, &classes_of(&**valid), classes, &preparation)?;
    }
    Ok(Opened {
        kind,
        train: read.train,
        valid,
        test,
        sampling: sampling(options.sampling, classes, &preparation),
        preparation,
        train_classes: read.train_classes,
        images: read.images,
        test_rows: match (&options.test, source.drawn.get()) {
            (None, Some(drawn)) => drawn.test.clone(),
            _ => Vec::new(),
        },
        about: read.about,
        reading,
    })
}

/// What is said of a table that is one by its lines alone.
fn note_on(source: &Source<'_>, kind: DataKind) -> &'static str {
    let is_table = kind == DataKind::Table;
    match is_table && !has_end(source.path, &TABLES) && !source.options.text {
        true => " (by its lines; `tokens` characters trains on them as a text)",
        false => "",
    }
}

/// What rows are trained for, by their labels.
fn task_of(read: &ReadParts) -> &'static str {
    match read.train.labels() {
        Labels::Sequence { .. } => "language",
        Labels::Values(_) if read.targets.is_none() => "multi-label",
        Labels::Values(_) => "regress",
        Labels::Classes(_) | Labels::None => "classify",
    }
}

/// How an epoch draws training rows of these classes, none where they have no class each.
fn sampling(order: RowOrder, classes: &[u32], preparation: &Preparation) -> Sampling {
    match order {
        RowOrder::InOrder => Sampling::InOrder,
        RowOrder::Windows(rows) => Sampling::Windows(rows),
        RowOrder::Balanced if !classes.is_empty() => {
            Sampling::balanced(classes, count_classes(classes, &preparation.class_names))
        }
        RowOrder::Balanced | RowOrder::Shuffle => Sampling::Shuffle,
    }
}

/// Refuses validation rows of classes that no training row has: nothing could be chosen by them.
fn check_valid_classes(
    source: &Source<'_>,
    valid: &[u32],
    train: &[u32],
    preparation: &Preparation,
) -> Result<(), DataError> {
    let mut is_known = vec![false; preparation.num_classes];
    for &class in train {
        is_known[class as usize] = true;
    }
    let mut unknown: Vec<u32> = valid.to_vec();
    unknown.retain(|&class| !is_known[class as usize]);
    unknown.sort_unstable();
    unknown.dedup();
    if unknown.is_empty() {
        return Ok(());
    }
    let names = unknown
        .iter()
        .map(|&class| preparation.class(class as usize));
    let remedy = match source.options.split {
        Some(Split::Random | Split::Last | Split::Groups) => {
            "take another `split` (stratified puts rows of every class into training), or lower `valid_share`"
        }
        _ => "give training rows of these classes, or take them out of the validation part",
    };
    Err(DataError::unfit(
        source.path,
        "validation rows of classes that training rows have too",
        format!("no training row of {}", listed(names)),
        remedy,
    ))
}

/// What is said of classes that no training row has, where the rows have one each.
fn untrained(classes: &[u32], preparation: &Preparation) -> Option<String> {
    let all = preparation.num_classes;
    let mut is_there = vec![false; all];
    for &class in classes {
        is_there[class as usize] = true;
    }
    let missing = (0..all).filter(|class| !is_there[*class]);
    let missing: Vec<String> = missing.map(|class| preparation.class(class)).collect();
    let is_said = !classes.is_empty() && !missing.is_empty();
    is_said.then(|| {
        let count = missing.len();
        format!(
            "no training rows: {count} of {all} classes, {}",
            listed(&missing)
        )
    })
}
