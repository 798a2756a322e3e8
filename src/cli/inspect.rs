//! `unisono data inspect`: what files hold.

use std::path::Path;

use crate::data::{Column, CsvTable, DataError, Dataset, Idx, ImageDataset, TextDataset};

/// Prints what lies at `path`.
pub(super) fn inspect(path: &Path, label: &Column) -> Result<(), DataError> {
    let name = path.to_string_lossy();
    let is_idx = ["-ubyte", "-ubyte.gz", ".idx", ".idx.gz"];
    if path.is_dir() {
        say!("kind: folder of IDX files");
        for part in ["train", "t10k"] {
            say!("part: {part}");
            image_part(&ImageDataset::from_idx_folder(path, part)?);
        }
    } else if is_idx.iter().any(|end| name.ends_with(end)) {
        let idx = Idx::read(path)?;
        say!("kind: IDX file of unsigned bytes");
        say!("shape: {:?}", idx.shape);
        let range = (idx.values.iter().min(), idx.values.iter().max());
        if let (Some(least), Some(most)) = range {
            say!("values: {least} to {most}");
        }
    } else if name.ends_with(".csv") || name.ends_with(".csv.gz") {
        table(&CsvTable::read(path, label)?);
    } else {
        text(path)?;
    }
    Ok(())
}

fn image_part(part: &ImageDataset) {
    let (shape, statistics) = (part.shape(), part.statistics());
    say!("rows: {}", part.len());
    say!(
        "images: {} x {} x {} (height, width, channels)",
        shape.height,
        shape.width,
        shape.channels
    );
    say!("mean: {:?}", statistics.means);
    say!("deviation: {:?}", statistics.deviations);
    let most = part
        .class_labels()
        .iter()
        .max()
        .map_or(0, |&most| most as usize);
    let names: Vec<String> = (0..=most).map(|class| class.to_string()).collect();
    classes(&names, part.class_labels());
}

fn table(table: &CsvTable) {
    say!("kind: table");
    say!("rows: {}", table.labels().len());
    say!("features: {}", table.names().len());
    for (name, column) in table.names().iter().zip(table.values().columns()) {
        let (mut least, mut most, mut sum) = (f32::INFINITY, f32::NEG_INFINITY, 0.0);
        for &value in column {
            (least, most, sum) = (least.min(value), most.max(value), sum + f64::from(value));
        }
        let mean = sum / column.len() as f64;
        say!("feature {name}: {least} to {most}, mean {mean:.4}");
    }
    classes(table.classes(), table.labels());
}

/// How often each class comes up.
fn classes(names: &[String], labels: &[u32]) {
    let mut counts = vec![0_usize; names.len()];
    labels.iter().for_each(|&label| counts[label as usize] += 1);
    for (name, count) in names.iter().zip(counts) {
        let share = 100.0 * count as f64 / labels.len() as f64;
        say!("class {name}: {count} rows ({share:.1} %)");
    }
}

fn text(path: &Path) -> Result<(), DataError> {
    let (first, rest, vocabulary) = TextDataset::from_file(path, 1, (0.1, 0))?;
    say!("kind: text");
    say!("characters: {}", first.tokens().len() + rest.tokens().len());
    say!("different characters: {}", vocabulary.len());
    let every: Vec<u32> = (0..vocabulary.len() as u32).collect();
    say!("they are: {:?}", vocabulary.decode(&every));
    Ok(())
}
