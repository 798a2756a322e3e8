//! `unisono data inspect`: the contents of data files, read as a training reads them.

use std::fmt::Display;
use std::path::Path;

use clap::ArgMatches;

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
use super::summary::parts_text;

/// Images of a class on a sheet.
const COLUMNS: usize = 16;

/// Numbers from here on are written with an exponent.
const LONG: f64 = 1e16;

/// Classes that are listed.
const CLASSES: usize = 40;

/// Prints what lies at a path: what a training would make of it, and what is in the files.
pub(super) fn inspect(args: &InspectArgs, flags: &ArgMatches) -> Result<(), CommandError> {
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
    let has_facts = facts(path, kind, &options.table).map_err(|error| error.within(path));
    let has_facts = has_facts.map_err(TrainError::from)?;
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(error) if has_facts && sheet.is_none() => {
            say!("train: refuses it: {}", in_flags(&error.to_string()));
            return Ok(());
        }
        Err(error) => return Err(TrainError::from(error).into()),
    };
    classes(&loaded);
    values(&loaded);
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

/// What is in the files whether a training can take them or not; `false` if nothing is said of
/// them.
fn facts(path: &Path, kind: DataKind, options: &TableOptions) -> Result<bool, DataError> {
    match kind {
        DataKind::NpyFolder => {
            for name in arrays_in(path)? {
                let name = format!("{name}.npy");
                array(&name, &Npy::read(&path.join(&name))?);
            }
        }
        DataKind::Idx => {
            let idx = Idx::read(path)?;
            say!("shape: {:?}", idx.shape);
            let range = (idx.values.iter().min(), idx.values.iter().max());
            if let (Some(least), Some(most)) = range {
                say!("values: {least} to {most}");
            }
        }
        DataKind::Npy => array("array", &Npy::read(path)?),
        DataKind::Npz => {
            let found = Npz::read(path)?;
            for (name, values) in &found.arrays {
                array(name, values);
            }
            for (name, descr) in &found.unread {
                say!("{name}: {descr}, {}, not read", odd_kind(descr));
            }
        }
        DataKind::Table => table(path, options)?,
        DataKind::Text => text(path)?,
        DataKind::IdxFolder
        | DataKind::CifarFolder
        | DataKind::ImageFolder { .. }
        | DataKind::Sounds => {
            return Ok(false);
        }
    }
    Ok(true)
}

fn array(name: &str, values: &Npy) {
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
fn table(path: &Path, options: &TableOptions) -> Result<(), DataError> {
    let columns = survey(path, options)?;
    say!("columns: {}", columns.len());
    for column in &columns {
        say!("{}", column_line(column));
    }
    Ok(())
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

/// How many rows there are, and how far apart the targets of a regression lie.
fn values(loaded: &Opened) {
    let Some(targets) = &loaded.preparation.targets else {
        return;
    };
    let (train, test) = (loaded.train.len(), loaded.test.len());
    say!("rows: {}", train + test);
    say!("parts: {train} training and {test} test rows");
    let scales = targets.scale.means.iter().zip(&targets.scale.deviations);
    for (name, (mean, deviation)) in targets.names.iter().zip(scales) {
        let (mean, deviation) = (in_digits(*mean), in_digits(*deviation));
        say!("target {name}: mean {mean}, deviation {deviation} in the training part");
    }
}

fn text(path: &Path) -> Result<(), DataError> {
    let text = read_text(path)?;
    let vocabulary = Vocabulary::of(&text);
    say!("characters: {}", text.chars().count());
    say!("different characters: {}", vocabulary.len());
    let every: Vec<u32> = (0..vocabulary.len() as u32).collect();
    say!("they are: {:?}", vocabulary.decode(&every));
    Ok(())
}
