//! Content of a file, told by its first bytes whatever its name.

use std::path::Path;

use super::csv::{delimiter, fields};
use super::error::DataError;
use super::files::Source;

/// Bytes that are looked at.
const LOOKED_AT: u64 = 1 << 16;

/// Lines of numbers that make a table.
const LINES: usize = 3;

/// The content of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Text, as far as can be seen.
    Text,
    /// Lines of as many fields, most of which are numbers.
    Table,
    /// NumPy's array.
    Npy,
    /// Text of another kind: what it is, and what to do.
    Written(&'static str, &'static str),
    /// No text: what it is, and what to do.
    Binary(&'static str, &'static str),
}

/// Files that are known by how they begin, what they are, and what to do.
const MAGIC: &[(&[u8], &str, &str)] = &[
    (b"PAR1", "a Parquet file", PARQUET),
    (b"PK\x03\x04", "a zip archive", UNPACK),
    (b"PK\x05\x06", "an empty zip archive", UNPACK),
    (b"\x1f\x8b", "a gzip file within a gzip file", UNPACK),
    (b"BZh", "a bzip2 file", UNPACK),
    (b"\xfd7zXZ\0", "an xz file", UNPACK),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    (b"Rar!", "a RAR archive", UNPACK),
    (
        b"%PDF",
        "a PDF document",
        "write its text out, such as with pdftotext",
    ),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", ARRAYS),
    (b"CDF\x01", "a NetCDF file", ARRAYS),
    (b"CDF\x02", "a NetCDF file", ARRAYS),
    (b"MATLAB ", "a MATLAB file", ARRAYS),
    (
        b"SQLite format 3\0",
        "an SQLite database",
        "write a table out: sqlite3 -header -csv FILE \"select * from TABLE\" > data.csv",
    ),
    (b"ARROW1", "an Arrow file", TABLE),
    (b"FEA1", "a Feather file", TABLE),
    (b"ORC", "an ORC file", TABLE),
    (b"Obj\x01", "an Avro file", TABLE),
    (b"RDX", "R's data", TABLE),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an old Office document",
        TABLE,
    ),
    (b"\x89PNG", "a PNG image", IMAGES),
    (b"\xff\xd8\xff", "a JPEG image", IMAGES),
    (b"GIF8", "a GIF image", IMAGES),
    (b"II*\0", "a TIFF image", IMAGES),
    (b"MM\0*", "a TIFF image", IMAGES),
    (b"RIFF", "a WAV or WebP file", IMAGES),
    (b"OggS", "an Ogg sound", SOUNDS),
    (b"fLaC", "a FLAC sound", SOUNDS),
    (b"ID3", "an MP3 sound", SOUNDS),
    (b"\x7fELF", "a program", OTHER),
    (b"\xff\xfe", "text in UTF-16", UTF16),
    (b"\xfe\xff", "text in UTF-16", UTF16),
];

const PARQUET: &str =
    "write it as a table: pandas.read_parquet(FILE).to_csv(\"data.csv\", index=False)";
const TABLE: &str = "write it as a table, such as with pandas: to_csv(\"data.csv\", index=False)";
const ARRAYS: &str = "write its arrays with NumPy: numpy.savez(\"data.npz\", x=..., y=...)";
const UNPACK: &str = "unpack it, and give the file or folder in it";
const IMAGES: &str = "give a folder of images or sounds, with a folder for each class";
const SOUNDS: &str = "write WAV files, in a folder for each class";
const UTF16: &str = "convert it: iconv -f utf-16 -t utf-8";
const OTHER: &str = "give a table (.csv), arrays (.npz), images, sounds or a text";

/// Looks at the first bytes of a file, unpacked where it is gzipped.
pub(crate) fn content(path: &Path) -> Result<Content, DataError> {
    let start = Source::open(path)?.start(LOOKED_AT)?;
    Ok(of(&start, path))
}

fn of(start: &[u8], path: &Path) -> Content {
    let has_more = start.len() as u64 == LOOKED_AT;
    if start.starts_with(b"\x93NUMPY") {
        return Content::Npy;
    }
    if start.starts_with(b"PK\x03\x04") {
        return zip(start);
    }
    let is_cut = |error: std::str::Utf8Error| has_more && error.error_len().is_none();
    let is_utf8 = std::str::from_utf8(start).map_or_else(is_cut, |_| true);
    let is_odd = |byte: &&u8| **byte < 32 && !b"\t\n\r\x0c\x1b".contains(byte);
    let odd = start.iter().filter(is_odd).count();
    // A text may begin with the letters of a magic.
    let is_plain = is_utf8 && odd == 0 && !start.starts_with(b"%PDF");
    let known = MAGIC.iter().find(|(magic, ..)| start.starts_with(magic));
    if let Some((_, what, remedy)) = known.filter(|_| !is_plain) {
        return Content::Binary(what, remedy);
    }
    if start.get(257..262) == Some(b"ustar") {
        let remedy = "call an archive of sounds NAME.tar or NAME.tar.gz; unpack others";
        return Content::Binary("a tar archive", remedy);
    }
    // A pickle's protocol, and its end or its first frame.
    if let [0x80, 2..=5, next, ..] = start
        && (*next == 0x95 || start.ends_with(b".") || has_more)
    {
        return Content::Binary("a pickle", ARRAYS);
    }
    if let Some((head, b"{\"")) = start
        .split_first_chunk::<8>()
        .map(|(h, r)| (h, &r[..r.len().min(2)]))
        && u64::from_le_bytes(*head) < 1 << 32
    {
        let remedy = "a network's weights begin a training with `weights`";
        return Content::Binary("a safetensors file", remedy);
    }
    if start.contains(&0) || !is_utf8 && 50 * odd > start.len() {
        return Content::Binary("binary data of a kind that is not known", OTHER);
    }
    written(start, path)
}

/// What a zip archive is one of.
fn zip(start: &[u8]) -> Content {
    let holds = |name: &[u8]| start.windows(name.len()).any(|bytes| bytes == name);
    if holds(b"[Content_Types].xml") || holds(b"xl/") {
        let remedy =
            "write it as a table: pandas.read_excel(FILE).to_csv(\"data.csv\", index=False)";
        return Content::Binary("an Office document", remedy);
    }
    if holds(b"data.pkl") {
        return Content::Binary("a PyTorch file", ARRAYS);
    }
    if holds(b".npy") {
        return Content::Binary("an archive of NumPy arrays", "call it NAME.npz");
    }
    Content::Binary("a zip archive", UNPACK)
}

/// What a text is.
fn written(start: &[u8], path: &Path) -> Content {
    let text = String::from_utf8_lossy(start);
    let text = text.trim_start_matches('\u{feff}');
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    // The last line may be cut.
    let whole = match lines.len() {
        0 | 1 => &lines[..],
        count => &lines[..count - 1],
    };
    // From what is surest to what is least.
    let are = |is: fn(&str) -> bool| !whole.is_empty() && whole.iter().all(|line| is(line));
    if are(|line| line.starts_with('{') && line.ends_with('}') && line.contains(':')) {
        let remedy = "write its records as a table: pandas.read_json(FILE, lines=True).to_csv(\"data.csv\", index=False); `tokens` characters trains on the text";
        return Content::Written("lines of JSON", remedy);
    }
    let is_json = path.extension().is_some_and(|end| end == "json");
    if is_json && (text.starts_with('{') || text.starts_with('[')) {
        let remedy = "write its records as a table (.csv); `tokens` characters trains on the text";
        return Content::Written("JSON", remedy);
    }
    if lines
        .iter()
        .any(|line| line.to_lowercase().starts_with("@relation"))
    {
        let remedy = "take its lines below @data as a .csv; `tokens` characters trains on the text";
        return Content::Written("an ARFF table", remedy);
    }
    if whole.len() >= LINES && are(is_sparse) {
        let remedy = "write arrays: x, y = sklearn.datasets.load_svmlight_file(FILE); numpy.savez(\"data.npz\", x=x.toarray(), y=y)";
        return Content::Written("rows of svmlight", remedy);
    }
    if is_table(start, whole, path) {
        return Content::Table;
    }
    Content::Text
}

/// `1 3:0.5 7:1`: a label, and places with values.
fn is_sparse(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let is_label = words.next().is_some_and(|word| word.parse::<f64>().is_ok());
    let is_pair = |word: &str| {
        let pair = word.split_once(':');
        pair.is_some_and(|(at, value)| at.parse::<u64>().is_ok() && value.parse::<f64>().is_ok())
    };
    let mut pairs = words.peekable();
    is_label && pairs.peek().is_some() && pairs.all(is_pair)
}

/// Whether all lines have as many fields, and at least half of the columns hold numbers below the
/// first line.
fn is_table(start: &[u8], whole: &[&str], path: &Path) -> bool {
    let delimiter = delimiter(start, path);
    let cells = |line: &str| -> Vec<bool> {
        let is_number = |cell: &str| cell.trim().trim_matches('"').parse::<f64>().is_ok();
        match delimiter {
            b' ' => line.split_whitespace().map(is_number).collect(),
            other => line.split(char::from(other)).map(is_number).collect(),
        }
    };
    let is_cut = delimiter == b' ' || fields(start, delimiter).is_some_and(|fields| fields > 1);
    if whole.len() < LINES || !is_cut {
        return false;
    }
    let rows: Vec<Vec<bool>> = whole[1..].iter().map(|line| cells(line)).collect();
    let width = rows[0].len();
    let is_number = |column: &usize| {
        let count = rows.iter().filter(|row| row.get(*column) == Some(&true));
        10 * count.count() >= 9 * rows.len()
    };
    2 * (0..width).filter(is_number).count() >= width
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(bytes: &[u8]) -> &'static str {
        match of(bytes, "data.bin".as_ref()) {
            Content::Text => "text",
            Content::Table => "table",
            Content::Npy => "npy",
            Content::Written(what, _) | Content::Binary(what, _) => what,
        }
    }

    #[test]
    fn files_are_known_by_what_is_in_them() {
        assert_eq!(name(b"PAR1\x15\x04"), "a Parquet file");
        assert_eq!(name(b"PK\x03\x04....xl/workbook.xml"), "an Office document");
        assert_eq!(name(b"PK\x03\x04....notes.txt"), "a zip archive");
        assert_eq!(name(b"\x80\x04\x95\x10\0\0\0\0\0\0\0]."), "a pickle");
        assert_eq!(name(b"\x10\0\0\0\0\0\0\0{\"a\":{}}"), "a safetensors file");
        assert_eq!(name(b"{\"a\": 1}\n{\"a\": 2}\n"), "lines of JSON");
        assert_eq!(
            name(b"1 1:0.5 3:1\n-1 2:1\n1 1:2\n1 2:7\n"),
            "rows of svmlight"
        );
        assert_eq!(name(b"@RELATION iris\n@data\n1,2\n"), "an ARFF table");
        assert_eq!(name(b"a\0b"), "binary data of a kind that is not known");
        assert_eq!(
            name(b"5.1,3.5,rose\n4.9,3.0,rose\n6,2,lily\n6,3,lily\n"),
            "table"
        );
        assert_eq!(name(b"5.1  3.5 1\n4.9  3.0 1\n6 2 2\n7 1 2\n"), "table");
        assert_eq!(
            name(b"To be, or not to be,\nthat is, they say,\nthe question, is it,\nwell, no.\n"),
            "text"
        );
        assert_eq!(name("caf\u{e9} und so weiter".as_bytes()), "text");
        assert_eq!(name(b"caf\xe9 in Latin-1"), "text");
        assert_eq!(name(b"ORCHESTRA: a word that begins like a magic"), "text");
        assert_eq!(name(b""), "text");
    }
}
