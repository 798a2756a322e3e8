//! `unisono data inspect`: the contents of data files, read as a training reads them.

use std::path::Path;

use clap::ArgMatches;

use crate::data::{
    ColumnSurvey, DataError, DataKind, Idx, Npy, Npz, Opened, TableOptions, TextDataset, arrays_in,
    survey,
};
use crate::train::TrainError;

use super::args::InspectArgs;
use super::data_options::{data_options, in_flags, opened};
use super::error::CommandError;
use super::options::RunArgs;
use super::out_file::OutFile;
use super::settings_table::refuse_data;

/// Images of a class on a sheet.
const COLUMNS: usize = 16;

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
    let out = sheet.map(|sheet| OutFile::new(sheet, args.force, &[path]));
    let sheet = out.transpose()?.map(|out| out.path());
    // What a training makes of the data, then what is in the files: they may hold what it refuses.
    let loaded = opened(path, &options);
    match &loaded {
        Ok(loaded) => {
            for line in &loaded.reading {
                say!("{}", in_flags(line));
            }
        }
        Err(_) => say!("kind: {}", kind.short_name()),
    }
    let has_facts = facts(path, kind, &options.table).map_err(|error| error.within(path));
    let has_facts = has_facts.map_err(TrainError::from)?;
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(error @ DataError::Unused { .. }) => return Err(TrainError::from(error).into()),
        Err(error) if has_facts && sheet.is_none() => {
            say!("train: refuses it: {}", in_flags(&error.to_string()));
            return Ok(());
        }
        Err(error) => return Err(TrainError::from(error).into()),
    };
    classes(&loaded);
    // A sheet of images.
    let Some(sheet) = sheet else {
        return Ok(());
    };
    let images = loaded.images.ok_or_else(|| {
        let none = DataError::write(sheet, format!("{} holds no images", path.display()));
        TrainError::from(none)
    })?;
    images
        .write_contact_sheet(sheet, COLUMNS)
        .map_err(TrainError::from)?;
    say!("sheet: {}", sheet.display());
    Ok(())
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
                say!("{name}: {descr}, no numbers");
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
    let kind = match values {
        Npy::Bytes(_) => "bytes",
        Npy::Integers(_) => "integers",
        Npy::Reals(_) => "reals",
        Npy::Doubles(_) => "reals in double precision",
    };
    let (mut least, mut most, mut odd) = (f64::INFINITY, f64::NEG_INFINITY, 0_usize);
    for value in values.doubles() {
        (least, most) = (least.min(value), most.max(value));
        odd += usize::from(!value.is_finite());
    }
    say!(
        "{name}: {kind} of shape {:?}, {least} to {most}, {odd} not finite",
        values.shape()
    );
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
            format!("{least} to {most}, mean {mean:.4}; ")
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
    format!(
        "{name}: {range}{} numbers, {} texts, {} missing, {distinct} different",
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
    let (train, test) = (loaded.train.len(), loaded.test.len());
    say!("parts: {train} training and {test} test rows");
    for (name, count) in counts.iter().take(CLASSES) {
        let share = 100.0 * *count as f64 / all as f64;
        say!("class {name}: {count} rows ({share:.1} %)");
    }
    if counts.len() > CLASSES {
        say!("classes: {} more", counts.len() - CLASSES);
    }
}

fn text(path: &Path) -> Result<(), DataError> {
    let (first, rest, vocabulary) = TextDataset::from_file(path, 1, 0.1, 0)?;
    say!("characters: {}", first.tokens().len() + rest.tokens().len());
    say!("different characters: {}", vocabulary.len());
    let every: Vec<u32> = (0..vocabulary.len() as u32).collect();
    say!("they are: {:?}", vocabulary.decode(&every));
    Ok(())
}
