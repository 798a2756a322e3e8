//! Values of single options: a column, a size, a folder for images, an order of rows.

use std::path::{Path, PathBuf};

use crate::data::{Column, RowOrder};
use crate::meant::nearest;

use crate::cli::error::{ArgError, refused, refused_name};

/// A column as it was typed.
pub(super) fn column(label: Option<&str>) -> Column {
    match label {
        None => Column::Last,
        Some(text) => match text.parse() {
            Ok(index) => Column::Index(index),
            Err(_) => Column::Name(text.to_owned()),
        },
    }
}

/// `32x48`, height and width.
pub(super) fn size(text: &str) -> Result<(usize, usize), ArgError> {
    let edge = |text: &str| text.parse().ok().filter(|edge| (1..=4096).contains(edge));
    let both = text
        .split_once('x')
        .and_then(|(h, w)| Some((edge(h)?, edge(w)?)));
    let expected = "HEIGHTxWIDTH, each from 1 to 4096, such as 32x32";
    both.ok_or_else(|| refused("image-size", expected, text))
}

/// Refuses what is neither a file nor one of the names that could stand in its place, but like one
/// of them.
pub(super) fn refuse_mistyped(
    flag: &'static str,
    text: &str,
    names: &[&str],
) -> Result<(), ArgError> {
    if nearest(text, names.iter().copied()).is_none() || Path::new(text).exists() {
        return Ok(());
    }
    let expected = format!("{}, or a file that there is", names.join(", "));
    let known = names.iter().copied();
    Err(refused_name(refused(flag, expected, text), text, known))
}

/// Where decoded images are kept: a folder, or nowhere; by default the user's cache folder, if the
/// system has one.
pub(in crate::cli) fn cache(given: Option<&Path>) -> Option<PathBuf> {
    match given {
        Some(path) if path == Path::new("none") => None,
        Some(path) => Some(path.to_owned()),
        None => {
            let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
            let home = || Some(PathBuf::from(set("HOME")?).join(".cache"));
            let base = set("XDG_CACHE_HOME").map(PathBuf::from).or_else(home)?;
            Some(base.join("unisono"))
        }
    }
}

/// The order of training rows.
pub(super) fn row_order(text: &str) -> Result<RowOrder, ArgError> {
    let windows = || {
        let rows = text.strip_prefix("windows ")?.trim().parse().ok()?;
        (rows > 0).then_some(RowOrder::Windows(rows))
    };
    match text {
        "shuffle" => Ok(RowOrder::Shuffle),
        "in-order" => Ok(RowOrder::InOrder),
        "balanced" => Ok(RowOrder::Balanced),
        _ => windows().ok_or_else(|| {
            let expected = "shuffle, in-order, balanced or \"windows ROWS\"";
            let name = text.split(' ').next().unwrap_or_default();
            let known = ["shuffle", "in-order", "balanced", "windows"];
            refused_name(refused("sampling", expected, text), name, known)
        }),
    }
}
