//! NumPy's arrays: `.npy` files.
//!
//! # Layout
//! `\x93NUMPY`, version, length of the head, the head (a Python dictionary of `descr`,
//! `fortran_order` and `shape`, nothing else), the values.
//!
//! # Why this way
//! The crates that read NPY take memory for what the head says before they look whether the file
//! holds it, and parse the head as any Python literal, to any depth. Three keys are read here, and
//! the size is checked first.
//!
//! # References
//! NumPy: "NEP 1, a simple file format for NumPy arrays"; `numpy.lib.format`.

use std::path::Path;

use ndarray::{ArrayD, IxDyn, ShapeBuilder};

use super::error::DataError;
use super::files::Source;
use super::memory_budget::MemoryBudget;
use super::npy_types::odd_type;
use super::npy_values::{Element, Kind};

/// An array of one of NumPy's types, which becomes the nearest of these.
///
/// ```
/// use unisono::data::Npy;
/// let mut file = b"\x93NUMPY\x01\x00\x3b\x00".to_vec();
/// file.extend(format!("{:<59}", "{'descr': '<i2', 'fortran_order': False, 'shape': (3,)}").bytes());
/// file.extend([1, 0, 2, 0, 255, 255]);
/// let Npy::Integers(values) = Npy::parse(&file, "a.npy".as_ref())? else { panic!() };
/// assert_eq!(values.into_raw_vec_and_offset().0, [1, 2, -1]);
/// # Ok::<(), unisono::data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Npy {
    /// `uint8` and `bool`.
    Bytes(ArrayD<u8>),
    /// The other integers.
    Integers(ArrayD<i64>),
    /// `uint64` of which some are beyond them.
    Unsigned(ArrayD<u64>),
    /// `float16` and `float32`.
    Reals(ArrayD<f32>),
    /// `float64`.
    Doubles(ArrayD<f64>),
}

impl Npy {
    /// Reads a `.npy` file.
    ///
    /// # Errors
    /// [`DataError::Io`]; [`DataError::Format`] for another magic or version, a head that is none,
    /// or one that promises more or less than the file holds; [`DataError::Unfit`] for a type that
    /// is no number.
    pub fn read(path: &Path) -> Result<Self, DataError> {
        Self::parse(&Source::open(path)?.all()?, path)
    }

    /// The same from memory; `path` is for messages.
    ///
    /// # Errors
    /// As [`Npy::read`].
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, DataError> {
        let (head, begin) = head_of(bytes, path)?;
        let values = &bytes[begin..];
        let element = head.element(path)?;
        let size = element.size();
        let count = head
            .shape
            .iter()
            .try_fold(1_usize, |n, &axis| n.checked_mul(axis));
        if count.and_then(|n| n.checked_mul(size)) != Some(values.len()) {
            let expected = format!("values of shape {:?}, type {}", head.shape, head.descr);
            let got = format!("{} bytes of them", values.len());
            return Err(DataError::format(path, expected, got));
        }
        let kept = match element.kind() {
            Kind::U1 => size_of::<u8>(),
            Kind::F2 | Kind::F4 => size_of::<f32>(),
            _ => size_of::<i64>(),
        };
        MemoryBudget::new(path).check((values.len() / size * kept) as u64)?;
        let odd = || DataError::format(path, "values of its shape", "others");
        head.array(element, values).ok_or_else(odd)
    }

    /// The length of each axis.
    pub fn shape(&self) -> &[usize] {
        match self {
            Npy::Bytes(values) => values.shape(),
            Npy::Integers(values) => values.shape(),
            Npy::Unsigned(values) => values.shape(),
            Npy::Reals(values) => values.shape(),
            Npy::Doubles(values) => values.shape(),
        }
    }

    /// What the values are, in messages.
    #[cfg(feature = "files")]
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Npy::Bytes(_) => "bytes",
            Npy::Integers(_) | Npy::Unsigned(_) => "integers",
            Npy::Reals(_) => "reals",
            Npy::Doubles(_) => "reals in double precision",
        }
    }

    /// Whole numbers, none of which is below 0.
    #[cfg(feature = "files")]
    pub(crate) fn unsigned(&self) -> Option<ArrayD<u64>> {
        match self {
            Npy::Unsigned(values) => Some(values.clone()),
            Npy::Integers(values) if values.iter().all(|value| *value >= 0) => {
                Some(values.mapv(|value| value as u64))
            }
            _ => None,
        }
    }

    /// All values in single precision, rounded where it does not hold them.
    pub fn reals(&self) -> ArrayD<f32> {
        match self {
            Npy::Bytes(values) => values.mapv(f32::from),
            Npy::Integers(values) => values.mapv(|v| v as f32),
            Npy::Unsigned(values) => values.mapv(|v| v as f32),
            Npy::Reals(values) => values.clone(),
            Npy::Doubles(values) => values.mapv(|v| v as f32),
        }
    }

    /// All values in double precision; integers beyond 2^53 are rounded.
    pub fn doubles(&self) -> ArrayD<f64> {
        match self {
            Npy::Bytes(values) => values.mapv(f64::from),
            Npy::Integers(values) => values.mapv(|v| v as f64),
            Npy::Unsigned(values) => values.mapv(|v| v as f64),
            Npy::Reals(values) => values.mapv(f64::from),
            Npy::Doubles(values) => values.clone(),
        }
    }
}

/// The head of an array, and where its values begin; `bytes` need not hold all of them.
pub(super) fn head_of(bytes: &[u8], path: &Path) -> Result<(Head, usize), DataError> {
    let refuse = |expected: &str, got: String| DataError::format(path, expected, got);
    let (text, begin) = split(bytes).ok_or_else(|| {
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(16)]).into_owned();
        let expected = "a NumPy array: \\x93NUMPY, a version of 1 to 3, and a head";
        refuse(expected, format!("{start:?}"))
    })?;
    let head = Head::parse(text).ok_or_else(|| {
        let text: String = text.chars().take(200).collect();
        refuse("a head with descr, fortran_order and shape", text)
    })?;
    Ok((head, begin))
}

/// The text of the head, and where the values begin.
fn split(bytes: &[u8]) -> Option<(&str, usize)> {
    let rest = bytes.strip_prefix(b"\x93NUMPY")?;
    let (version, rest) = rest.split_at_checked(2)?;
    let (len, rest) = match version[0] {
        1 => {
            let (len, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_le_bytes(*len)), rest)
        }
        2 | 3 => {
            let (len, rest) = rest.split_first_chunk::<4>()?;
            (u32::from_le_bytes(*len) as usize, rest)
        }
        _ => return None,
    };
    let head = rest.get(..len)?;
    let begin = bytes.len() - rest.len() + len;
    Some((std::str::from_utf8(head).ok()?, begin))
}

/// What stands before the values.
pub(super) struct Head {
    /// Byte order, kind and size: `<f4`.
    pub(super) descr: String,
    pub(super) is_fortran: bool,
    pub(super) shape: Vec<usize>,
}

impl Head {
    /// The type of the values.
    pub(super) fn element(&self, path: &Path) -> Result<Element, DataError> {
        let expected =
            "bool, integers or float16, float32 and float64 (b1, i1 to i8, u1 to u8, f2, f4, f8)";
        let refuse = || {
            let odd = odd_type(&self.descr);
            let remedy = format!("{}; they are {}", odd.remedy("x"), odd.what);
            DataError::unfit(path, expected, self.descr.as_str(), remedy)
        };
        Element::of(&self.descr).ok_or_else(refuse)
    }

    fn parse(text: &str) -> Option<Self> {
        let after = |key: &str| {
            let quoted = [format!("'{key}'"), format!("\"{key}\"")];
            let place = |quoted: &String| text.find(quoted.as_str()).map(|at| at + quoted.len());
            let rest = text[quoted.iter().find_map(place)?..].trim_start();
            Some(rest.strip_prefix(':')?.trim_start())
        };
        let descr = after("descr")?;
        let descr = match descr.chars().next()? {
            quote @ ('\'' | '"') => descr[1..].split(quote).next()?,
            // The fields of records.
            '[' => &descr[..=descr.rfind(']')?],
            _ => return None,
        };
        let shape = after("shape")?.strip_prefix('(')?.split(')').next()?;
        let axes = shape
            .split(',')
            .map(str::trim)
            .filter(|axis| !axis.is_empty());
        let shape: Vec<usize> = axes.map(|axis| axis.parse().ok()).collect::<Option<_>>()?;
        let is_fortran = after("fortran_order")?.starts_with("True");
        (descr.is_ascii() && descr.len() >= 2 && shape.len() <= 8).then(|| Self {
            descr: descr.to_owned(),
            is_fortran,
            shape,
        })
    }

    /// `values` has the length that shape and type ask for.
    fn array(&self, element: Element, values: &[u8]) -> Option<Npy> {
        Some(match element.kind() {
            Kind::U1 => Npy::Bytes(self.shaped(values.to_vec())?),
            Kind::F2 | Kind::F4 => {
                let mut reals = Vec::with_capacity(values.len() / element.size());
                element.values(values, |value| reals.push(value as f32));
                Npy::Reals(self.shaped(reals)?)
            }
            _ => match element.integers(values) {
                Some(integers) => Npy::Integers(self.shaped(integers)?),
                None if element.kind() == Kind::U8 => {
                    Npy::Unsigned(self.shaped(element.unsigned(values))?)
                }
                None => {
                    let mut doubles = Vec::with_capacity(values.len() / element.size());
                    element.values(values, |value| doubles.push(value));
                    Npy::Doubles(self.shaped(doubles)?)
                }
            },
        })
    }

    fn shaped<T: Clone>(&self, values: Vec<T>) -> Option<ArrayD<T>> {
        let shape = IxDyn(&self.shape).set_f(self.is_fortran);
        let array = ArrayD::from_shape_vec(shape, values).ok()?;
        Some(array.as_standard_layout().into_owned())
    }
}
