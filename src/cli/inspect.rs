//! `unisono data inspect`: the contents of data files, read as a training reads them.

use std::fmt::Display;
use std::path::Path;

use clap::ArgMatches;
use serde_json::{Value, json};

use crate::data::{
    ColumnSurvey, DataError, DataKind, Idx, Npy, Npz, Opened, TableOptions, Vocabulary, arrays_in,
    odd_kind, read_text, survey,
};
use crate::run::in_digits;
use crate::train::TrainError;

use super::args::InspectArgs;
use super::data_options::{data_options, in_flags, opened};
use super::error::CommandError;
use super::options::RunArgs;
use super::out_file::OutFile;
use super::settings_table::refuse_data;
use super::stdout::{json, only_json};
use super::summary::parts_text;

/// Images of a class on a sheet.
const COLUMNS: usize = 16;

/// Numbers from here on are written with an exponent.
const LONG: f64 = 1e16;

/// Classes that are listed.
const CLASSES: usize = 40;

/// Prints what lies at a path: what a training would make of it, and what is in the files.
pub(super) fn inspect(args: &InspectArgs, flags: &ArgMatches) -> Result<(), CommandError> {
    only_json(args.json.json);
    let path = &args.path;
    // The options of `train`, as far as they act here.
    let mut data = args.data.clone();
    data.data = Some(path.clone());
    refuse_data(&data, flags)?;
    let options = data_options(&data, RunArgs::default().seed)?;
    let kind = DataKind::of(path, &options).map_err(TrainError::from)?;
    let sheet = args.sheet.as_deref();
    if sheet.is_some() && !may_hold_images(kind) {
        return Err(no_images(path, kind.name()));
    }
    let out = sheet.map(|sheet| OutFile::new(sheet, args.force, &[path]));
    let sheet = out.transpose()?.map(|out| out.path());
    // What a training makes of the data, then what is in the files: they may hold what it refuses.
    let loaded = opened(path, &options);
    match &loaded {
        Ok(loaded) if sheet.is_some() && loaded.images.is_none() => {
            return Err(no_images(path, "arrays that are no bytes of images"));
        }
        Ok(loaded) => {
            for line in &loaded.reading {
                say!("{}", in_flags(line));
            }
        }
        Err(DataError::Unused { .. }) => {
            return loaded.map(drop).map_err(|e| TrainError::from(e).into());
        }
        Err(_) => say!("kind: {}", kind.short_name()),
    }
    let known = facts(path, kind, &options.table).map_err(|error| error.within(path));
    let known = known.map_err(TrainError::from)?;
    let loaded = match (loaded, &known) {
        (Ok(loaded), _) => loaded,
        (Err(error), Some(known)) if sheet.is_none() => {
            let why = in_flags(&error.to_string());
            say!("train: refuses it: {why}");
            json(|| to_json(kind, known, Err(&why)));
            return Ok(());
        }
        (Err(error), _) => return Err(TrainError::from(error).into()),
    };
    classes(&loaded);
    labels(&loaded);
    values(&loaded);
    json(|| to_json(kind, &known.unwrap_or(Value::Null), Ok(&loaded)));
    // A sheet of images.
    let Some((sheet, images)) = sheet.zip(loaded.images) else {
        return Ok(());
    };
    images
        .write_contact_sheet(sheet, COLUMNS)
        .map_err(TrainError::from)?;
    say!("sheet: {}", sheet.display());
    Ok(())
}

/// Whether data of a kind are or can be images.
fn may_hold_images(kind: DataKind) -> bool {
    !matches!(
        kind,
        DataKind::Sounds | DataKind::Idx | DataKind::Npy | DataKind::Table | DataKind::Text
    )
}

/// The error of a sheet of what is no image.
fn no_images(path: &Path, got: &'static str) -> CommandError {
    let unused = DataError::Unused {
        path: path.to_owned(),
        setting: "--sheet".to_owned(),
        got,
    };
    TrainError::from(unused).into()
}

/// All of it as an object: what is in the files, and what a training makes of them, or why it
/// refuses them.
fn to_json(kind: DataKind, files: &Value, made: Result<&Opened, &str>) -> Value {
    let loaded = made.ok();
    let class = |(name, rows): (String, usize)| json!({ "name": name, "rows": rows });
    let classes = loaded.map(Opened::class_counts).unwrap_or_default();
    let parts = loaded.map(|loaded| {
        json!({
            "train": loaded.train.len(),
            "valid": loaded.valid.as_ref().map_or(0, |valid| valid.len()),
            "test": loaded.test.len(),
        })
    });
    let targets = loaded.and_then(|loaded| loaded.preparation.targets.as_ref());
    let scales = targets.into_iter().flat_map(|targets| {
        let scales = targets.scale.means.iter().zip(&targets.scale.deviations);
        targets.names.iter().zip(scales)
    });
    let target =
        |(name, (mean, deviation))| json!({ "name": name, "mean": mean, "deviation": deviation });
    let reading = loaded.map(|loaded| loaded.reading.iter().map(|line| in_flags(line)));
    json!({
        "kind": kind.short_name(),
        "files": files,
        "reading": reading.map(Iterator::collect::<Vec<_>>),
        "refused": made.err(),
        "parts": parts,
        "classes": classes.into_iter().map(class).collect::<Vec<_>>(),
        "targets": scales.map(target).collect::<Vec<_>>(),
    })
}

/// What is in the files whether a training can take them or not; `None` if nothing is said of
/// them.
fn facts(path: &Path, kind: DataKind, options: &TableOptions) -> Result<Option<Value>, DataError> {
    let known = match kind {
        DataKind::NpyFolder => {
            let mut arrays = Vec::new();
            for name in arrays_in(path)? {
                let name = format!("{name}.npy");
                arrays.push(array(&name, &Npy::read(&path.join(&name))?));
            }
            json!({ "arrays": arrays })
        }
        DataKind::Idx => {
            let idx = Idx::read(path)?;
            say!("shape: {:?}", idx.shape);
            let range = (idx.values.iter().min(), idx.values.iter().max());
            if let (Some(least), Some(most)) = range {
                say!("values: {least} to {most}");
            }
            let (least, most) = range;
            json!({ "arrays": [{
                "name": "idx",
                "kind": "bytes",
                "shape": idx.shape,
                "least": least,
                "most": most,
                "not_finite": 0,
            }] })
        }
        DataKind::Npy => json!({ "arrays": [array("array", &Npy::read(path)?)] }),
        DataKind::Npz => {
            let found = Npz::read(path)?;
            let arrays = found.arrays.iter();
            let arrays: Vec<Value> = arrays.map(|(name, values)| array(name, values)).collect();
            for (name, descr) in &found.unread {
                say!("{name}: {descr}, {}, not read", odd_kind(descr));
            }
            let unread = found.unread.keys();
            json!({ "arrays": arrays, "unread": unread.collect::<Vec<_>>() })
        }
        DataKind::Table => table(path, options)?,
        DataKind::Text => text(path)?,
        DataKind::IdxFolder
        | DataKind::CifarFolder
        | DataKind::ImageFolder { .. }
        | DataKind::Sounds => return Ok(None),
    };
    Ok(Some(known))
}

fn array(name: &str, values: &Npy) -> Value {
    let (mut least, mut most, mut odd) = (f64::INFINITY, f64::NEG_INFINITY, 0_usize);
    for value in values.doubles() {
        (least, most) = (least.min(value), most.max(value));
        odd += usize::from(!value.is_finite());
    }
    // Integers to their last digit.
    let range = match values {
        Npy::Integers(whole) => ends(whole.iter()),
        Npy::Unsigned(whole) => ends(whole.iter()),
        _ if least <= most => Some(format!("{} to {}", number(least), number(most))),
        _ => None,
    };
    let range = match (range, values.shape().contains(&0)) {
        (Some(range), _) => range,
        (None, true) => "no values".to_owned(),
        (None, false) => "no numbers".to_owned(),
    };
    say!(
        "{name}: {} of shape {:?}, {range}, {odd} not finite",
        values.kind(),
        values.shape()
    );
    let whole = match values {
        Npy::Integers(whole) => json!([whole.iter().min(), whole.iter().max()]),
        Npy::Unsigned(whole) => json!([whole.iter().min(), whole.iter().max()]),
        _ => json!([least, most]),
    };
    json!({
        "name": name,
        "kind": values.kind(),
        "shape": values.shape(),
        "least": whole[0],
        "most": whole[1],
        "not_finite": odd,
    })
}

/// A number in a few digits: very large and very small ones with an exponent.
fn number(value: f64) -> String {
    let is_plain = value == 0.0 || (1.0 / LONG..LONG).contains(&value.abs());
    match is_plain {
        true => value.to_string(),
        false => format!("{value:e}"),
    }
}

/// The least and the greatest.
fn ends<'v, T: Ord + Display + 'v>(values: impl Iterator<Item = &'v T> + Clone) -> Option<String> {
    let (least, most) = (values.clone().min()?, values.max()?);
    Some(format!("{least} to {most}"))
}

/// Every column.
fn table(path: &Path, options: &TableOptions) -> Result<Value, DataError> {
    let columns = survey(path, options)?;
    say!("columns: {}", columns.len());
    for column in &columns {
        say!("{}", column_line(column));
    }
    let to_json = |column: &ColumnSurvey| {
        let (least, most, mean) = column.range.unwrap_or((f64::NAN, f64::NAN, f64::NAN));
        json!({
            "name": column.name,
            "kind": column.kind(),
            "numbers": column.numbers,
            "texts": column.texts,
            "missing": column.missing,
            "different": column.distinct,
            "least": least,
            "most": most,
            "mean": mean,
        })
    };
    Ok(json!({ "columns": columns.iter().map(to_json).collect::<Vec<_>>() }))
}

fn column_line(column: &ColumnSurvey) -> String {
    let range = column
        .range
        .map_or_else(String::new, |(least, most, mean)| {
            let mean = match mean.abs() < LONG {
                true => format!("{mean:.4}"),
                false => number(mean),
            };
            format!("{} to {}, mean {mean}; ", number(least), number(most))
        });
    let distinct = match column.distinct {
        Some(count) => count.to_string(),
        None => "1000 or more".to_owned(),
    };
    let name = match &*column.name {
        "" => "column without a name".to_owned(),
        name if name.starts_with("column ") => name.to_owned(),
        name => format!("column {name}"),
    };
    let kind = match column.kind() {
        Some("categories") => format!("; categories {}", column.values.join(", ")),
        Some("dates") => "; dates".to_owned(),
        _ => String::new(),
    };
    format!(
        "{name}: {range}{} numbers, {} texts, {} missing, {distinct} different{kind}",
        column.numbers, column.texts, column.missing
    )
}

/// How many rows there are, and how often each class comes up.
fn classes(loaded: &Opened) {
    let counts = loaded.class_counts();
    let all: usize = counts.iter().map(|(_, count)| count).sum();
    if all == 0 {
        return;
    }
    say!("rows: {all}");
    let valid = loaded.valid.as_ref().map_or(0, |valid| valid.len());
    let parts = parts_text(loaded.train.len(), valid, loaded.test.len());
    say!("parts: {parts}");
    for (name, count) in counts.iter().take(CLASSES) {
        let share = 100.0 * *count as f64 / all as f64;
        say!("class {name}: {count} rows ({share:.1} %)");
    }
    if counts.len() > CLASSES {
        say!("classes: {} more", counts.len() - CLASSES);
    }
}

/// How many rows there are, and how many of them have each label.
fn labels(loaded: &Opened) {
    if !loaded.preparation.is_multi_label {
        return;
    }
    let (train, test) = (loaded.train.len(), loaded.test.len());
    let valid = loaded.valid.as_ref().map_or(0, |valid| valid.len());
    let all = train + valid + test;
    say!("rows: {all}");
    say!("parts: {}", parts_text(train, valid, test));
    let shares = loaded.label_counts();
    for (name, count) in shares.iter().take(CLASSES) {
        let share = 100.0 * *count as f64 / all as f64;
        say!("label {name}: {count} rows ({share:.1} %)");
    }
    if shares.len() > CLASSES {
        say!("labels: {} more", shares.len() - CLASSES);
    }
}

/// How many rows there are, and how far apart the targets of a regression lie.
fn values(loaded: &Opened) {
    let Some(targets) = &loaded.preparation.targets else {
        return;
    };
    let (train, test) = (loaded.train.len(), loaded.test.len());
    let valid = loaded.valid.as_ref().map_or(0, |valid| valid.len());
    say!("rows: {}", train + valid + test);
    say!("parts: {}", parts_text(train, valid, test));
    let scales = targets.scale.means.iter().zip(&targets.scale.deviations);
    for (name, (mean, deviation)) in targets.names.iter().zip(scales) {
        let (mean, deviation) = (in_digits(*mean), in_digits(*deviation));
        say!("target {name}: mean {mean}, deviation {deviation} in the training part");
    }
}

fn text(path: &Path) -> Result<Value, DataError> {
    let text = read_text(path)?;
    let vocabulary = Vocabulary::of(&text);
    say!("characters: {}", text.chars().count());
    say!("different characters: {}", vocabulary.len());
    let every: Vec<u32> = (0..vocabulary.len() as u32).collect();
    say!("they are: {:?}", vocabulary.decode(&every));
    Ok(json!({
        "characters": text.chars().count(),
        "different_characters": vocabulary.len(),
    }))
}
