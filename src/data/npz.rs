//! NumPy's archives of arrays: `.npz` files.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::path::Path;

use super::error::DataError;
use super::files::Source;
#[cfg(feature = "files")]
use super::listed::listed;
use super::memory_budget::MemoryBudget;
use super::npy::{Npy, head_of};
#[cfg(feature = "files")]
use super::npy_types::odd_type;
use super::npy_values::Element;

/// The content of a `.npz` archive. Needs the feature `npz`.
///
/// Example: [`read_npz`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Npz {
    /// The arrays of numbers, by name (without `.npy`).
    pub arrays: BTreeMap<String, Npy>,
    /// What else there is, such as texts and objects: name and type.
    pub unread: BTreeMap<String, String>,
}

impl Npz {
    /// Reads an archive.
    ///
    /// # Errors
    /// [`DataError::Io`]; [`DataError::Format`] for an archive that is none, and those of
    /// [`Npy::parse`].
    pub fn read(path: &Path) -> Result<Self, DataError> {
        let bytes = Source::open(path)?.all()?;
        let odd = |got: String| DataError::format(path, "a zip archive of NumPy arrays", got);
        let mut archive =
            zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| odd(error.to_string()))?;
        let mut found = Self::default();
        let mut budget = MemoryBudget::new(path);
        for index in 0..archive.len() {
            let entry = archive
                .by_index(index)
                .map_err(|error| odd(error.to_string()))?;
            let name = entry
                .name()
                .map_err(|error| odd(error.to_string()))?
                .into_owned();
            let mut bytes = Vec::new();
            // What the archive says of sizes is not believed.
            let read = entry
                .take(budget.left().saturating_add(1))
                .read_to_end(&mut bytes);
            read.map_err(|error| odd(format!("{name}: {error}")))?;
            budget.take(bytes.len() as u64)?;
            let place = path.join(&name);
            let name = name.strip_suffix(".npy").unwrap_or(&name).to_owned();
            let descr = head_of(&bytes, &place).map(|(head, _)| head.descr);
            match descr {
                Ok(descr) if Element::of(&descr).is_some() => {
                    found.arrays.insert(name, Npy::parse(&bytes, &place)?);
                }
                // Texts and objects are none of a trainer's business.
                Ok(descr) => {
                    found.unread.insert(name, descr);
                }
                Err(_) => {
                    found.unread.insert(name, NO_ARRAY.to_owned());
                }
            }
        }
        Ok(found)
    }

    /// Lines about what is not read: texts and objects together, numbers of other types each with
    /// what makes them readable.
    #[cfg(feature = "files")]
    pub(crate) fn left_out(&self) -> Vec<String> {
        let all = self.unread.iter();
        let (numbers, others): (Vec<_>, Vec<_>) =
            all.partition(|(_, descr)| odd_type(descr).is_numbers());
        let mut lines = Vec::new();
        if !others.is_empty() {
            let names = others.iter();
            let names = names.map(|(name, descr)| format!("{name} ({descr})"));
            lines.push(format!("left out: {}, no numbers", listed(names)));
        }
        lines.extend(numbers.iter().map(|(name, descr)| {
            let odd = odd_type(descr);
            format!(
                "left out: {name} ({descr}), {}, which are not read; {}",
                odd.what,
                odd.remedy(name)
            )
        }));
        lines
    }
}

/// Stands for the type of what is no array.
const NO_ARRAY: &str = "no array of numbers";

/// What an array that is not read holds, by the name of its type.
#[cfg(feature = "files")]
pub(crate) fn odd_kind(descr: &str) -> &'static str {
    match odd_type(descr) {
        _ if descr == NO_ARRAY => "no numbers",
        odd => odd.what,
    }
}

/// The arrays of a `.npz` archive, by name (without `.npy`); those of texts, objects or complex
/// numbers are left out, as [`Npz`] says.
///
/// ```
/// use unisono::{data::read_npz, export::write_npz, nn::{Network, Sequential}};
/// let path = std::env::temp_dir().join(format!("unisono-arrays-{}.npz", std::process::id()));
/// let network = Network::new(Sequential::new(3).dense(2), 42)?;
/// write_npz(&path, &network)?;
/// let arrays = read_npz(&path)?;
/// assert_eq!(arrays.keys().collect::<Vec<_>>(), ["dense0.bias", "dense0.weight"]);
/// assert_eq!(arrays["dense0.weight"].shape(), [3, 2]);
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`Npz::read`].
pub fn read_npz(path: &Path) -> Result<BTreeMap<String, Npy>, DataError> {
    Ok(Npz::read(path)?.arrays)
}
