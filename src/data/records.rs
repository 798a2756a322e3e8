//! Records of a table: its text, and where the cells of each record end in it.
//!
//! # Why this way
//! A string for each cell, or one for each record, takes several times the memory of the file. Here
//! the file's own text stays as it is, and a cell is four bytes more. Only a text with quotes is
//! written anew, since what is quoted may hold doubled quotes.

use std::path::Path;

use super::error::DataError;
use super::memory_budget::MemoryBudget;

/// Records of equally many cells.
#[derive(Debug)]
pub(super) struct Records {
    text: String,
    /// Of each cell the end, counted from where its record starts; a byte stands between two cells.
    ends: Vec<u32>,
    starts: Vec<Start>,
    width: usize,
    delimiter: u8,
    /// Whether the first line looks like a comment.
    begins_with_comment: bool,
    /// Columns whose numbers had commas before their decimals.
    decimal_commas: Vec<usize>,
}

/// Where a record starts.
#[derive(Clone, Copy, Debug)]
struct Start {
    at: usize,
    /// The line of the file, from 1.
    line: u64,
}

/// A record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    text: &'a str,
    ends: &'a [u32],
    line: u64,
}

impl<'a> Record<'a> {
    /// How many cells it has.
    pub(super) fn len(self) -> usize {
        self.ends.len()
    }

    /// A cell, without the blanks around it.
    pub(super) fn cell(self, column: usize) -> &'a str {
        let start = match column {
            0 => 0,
            column => self.ends[column - 1] as usize + 1,
        };
        self.text[start..self.ends[column] as usize].trim()
    }

    pub(super) fn cells(self) -> impl Iterator<Item = &'a str> + Clone {
        (0..self.len()).map(move |column| self.cell(column))
    }

    /// The line of the file that it stands in, from 1.
    pub(super) fn line(self) -> u64 {
        self.line
    }
}

impl Records {
    /// Those of `bytes`, which take memory from `budget`.
    pub(super) fn of(
        bytes: Vec<u8>,
        delimiter: u8,
        path: &Path,
        mut budget: MemoryBudget,
    ) -> Result<Self, DataError> {
        let is_quoted = bytes.contains(&b'"');
        let text = String::from_utf8(bytes).map_err(|error| {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
            DataError::unfit(
                path,
                "text in UTF-8",
                format!("other bytes in line {line}"),
                "convert the file, such as with iconv -f latin1 -t utf-8",
            )
        })?;
        let mut records = Self {
            text: String::new(),
            ends: Vec::new(),
            starts: Vec::new(),
            width: 0,
            delimiter,
            begins_with_comment: text.starts_with('#'),
            decimal_commas: Vec::new(),
        };
        if is_quoted {
            records.unquote(&text, path, &mut budget)?;
        } else {
            records.cut(&text, path, &mut budget)?;
            records.text = text;
        }
        Ok(records)
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// What stands between cells.
    pub(super) fn delimiter(&self) -> u8 {
        self.delimiter
    }

    pub(super) fn get(&self, row: usize) -> Record<'_> {
        let Start { at, line } = self.starts[row];
        Record {
            text: &self.text[at..],
            ends: &self.ends[row * self.width..][..self.width],
            line,
        }
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = Record<'_>> + Clone {
        (0..self.len()).map(|row| self.get(row))
    }

    /// The cells of a column.
    pub(super) fn column(&self, column: usize) -> impl Iterator<Item = &str> + Clone {
        self.iter().map(move |record| record.cell(column))
    }

    /// Whether a character is anywhere in it.
    pub(super) fn holds(&self, character: char) -> bool {
        self.text.contains(character)
    }

    /// Columns whose numbers had commas before their decimals.
    pub(super) fn decimal_commas(&self) -> &[usize] {
        &self.decimal_commas
    }

    /// Puts points in the place of commas, in the cells of `columns` that `is_such` says yes to.
    pub(super) fn put_points(&mut self, columns: &[usize], is_such: fn(&str) -> bool) {
        let start = self.text.as_ptr() as usize;
        let of_record = |record: Record<'_>| {
            let cells = columns.iter().map(|&at| record.cell(at));
            let with_commas = cells.filter(|cell| is_such(cell));
            let places = with_commas.filter_map(|cell| {
                let comma = cell.find(',')?;
                Some(cell.as_ptr() as usize - start + comma)
            });
            places.collect::<Vec<_>>()
        };
        let places: Vec<usize> = self.iter().flat_map(of_record).collect();
        let mut bytes = std::mem::take(&mut self.text).into_bytes();
        places.into_iter().for_each(|place| bytes[place] = b'.');
        self.text = String::from_utf8(bytes).expect("a point takes the byte of a comma");
        self.decimal_commas = columns.to_vec();
    }

    /// Refuses an empty line between rows of one cell: as a step of time it would be one without a
    /// value, and lines without a byte are no records.
    pub(super) fn refuse_empty_steps(&self, path: &Path) -> Result<(), DataError> {
        let mut pairs = self.starts.windows(2);
        let gap = pairs.find(|pair| pair[1].line > pair[0].line + 1);
        match gap.filter(|_| self.width == 1) {
            None => Ok(()),
            Some(pair) => Err(DataError::unfit(
                path,
                "a number in every line of a series",
                format!("an empty line {}", pair[0].line + 1),
                "fill it in, or take it out: rows are steps of time",
            )),
        }
    }

    /// Takes the first `count` records away.
    pub(super) fn skip(&mut self, count: usize) {
        self.starts.drain(..count);
        self.ends.drain(..count * self.width);
    }

    /// Takes those away that `keeps` says no to.
    pub(super) fn retain(&mut self, keeps: impl FnMut(Record<'_>) -> bool) {
        let kept: Vec<bool> = self.iter().map(keeps).collect();
        let mut rows = kept.iter();
        self.starts.retain(|_| rows.next() == Some(&true));
        let width = self.width;
        let mut cells = 0..kept.len() * width;
        self.ends
            .retain(|_| cells.next().is_some_and(|cell| kept[cell / width]));
    }

    /// Finds the records of a text without quotes.
    fn cut(&mut self, text: &str, path: &Path, budget: &mut MemoryBudget) -> Result<(), DataError> {
        let mut start = Start {
            at: text.len() - text.trim_start_matches('\u{feff}').len(),
            line: 1,
        };
        for (at, &byte) in text.as_bytes().iter().enumerate().skip(start.at) {
            if byte == self.delimiter {
                self.ends.push((at - start.at) as u32);
            } else if byte == b'\n' || byte == b'\r' {
                self.end(start, at - start.at, path, budget)?;
                start.at = at + 1;
                start.line += u64::from(byte == b'\n');
            }
        }
        self.end(start, text.len() - start.at, path, budget)
    }

    /// Ends a record, `len` bytes long; lines without a byte are none.
    fn end(
        &mut self,
        start: Start,
        len: usize,
        path: &Path,
        budget: &mut MemoryBudget,
    ) -> Result<(), DataError> {
        if len == 0 {
            return Ok(());
        }
        let end = u32::try_from(len).map_err(|_| {
            let got = format!("{len} bytes in line {}", start.line);
            DataError::format(path, "lines below 4 GiB", got)
        })?;
        self.ends.push(end);
        let width = self.ends.len() - self.starts.len() * self.width;
        if self.starts.is_empty() {
            self.width = width;
        }
        if width != self.width {
            return Err(self.unequal(width, start.line, path));
        }
        budget.take((size_of::<Start>() + width * size_of::<u32>()) as u64)?;
        self.starts.push(start);
        Ok(())
    }

    /// Finds the records of a text with quotes, and writes their cells out.
    fn unquote(
        &mut self,
        text: &str,
        path: &Path,
        budget: &mut MemoryBudget,
    ) -> Result<(), DataError> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(self.delimiter)
            .from_reader(text.as_bytes());
        let mut record = csv::StringRecord::new();
        let odd = |error: csv::Error| {
            DataError::format(path, "comma-separated values", error.to_string())
        };
        while reader.read_record(&mut record).map_err(odd)? {
            let start = Start {
                at: self.text.len(),
                line: record.position().map_or(0, csv::Position::line),
            };
            budget.take((record.as_slice().len() + record.len()) as u64)?;
            for cell in &record {
                self.text.push_str(cell);
                self.ends.push((self.text.len() - start.at) as u32);
                self.text.push('\n');
            }
            // The last cell is ended once more, by what ends the record.
            self.ends.pop();
            self.end(start, self.text.len() - start.at - 1, path, budget)?;
        }
        Ok(())
    }

    /// The error of a record of another width than the first.
    fn unequal(&self, width: usize, line: u64, path: &Path) -> DataError {
        DataError::unfit(
            path,
            format!("{} columns in every row", self.width),
            format!("{width} in line {line}"),
            if self.begins_with_comment {
                "take the lines away that begin with #"
            } else {
                "fix the line, quote cells that hold a delimiter, or name what stands between the fields with `delimiter`"
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, delimiter: u8) -> Result<Records, DataError> {
        let path: &Path = "t.csv".as_ref();
        let budget = MemoryBudget::of(path, 1 << 20);
        Records::of(text.as_bytes().to_vec(), delimiter, path, budget)
    }

    fn cells(records: &Records) -> Vec<Vec<String>> {
        let record = |record: Record<'_>| record.cells().map(str::to_owned).collect();
        records.iter().map(record).collect()
    }

    #[test]
    fn a_text_without_quotes_is_cut_as_the_csv_crate_cuts_it() {
        for text in [
            "a,b\n1,2\n",
            "\u{feff}a,b\r\n1,2\r\n\r\n3,4",
            "a,b\r1,2\r",
            "\n\n a , b \n,\n1,\n,2\n",
            "\u{a0}\u{e9} ,\t\u{1F98A}\n x y,z \n",
            "one\ntwo\n",
            "",
        ] {
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .trim(csv::Trim::All)
                .from_reader(text.as_bytes());
            let expected: Vec<Vec<String>> = reader
                .records()
                .map(|record| record.unwrap().iter().map(str::to_owned).collect())
                .collect();
            assert_eq!(cells(&read(text, b',').unwrap()), expected, "{text:?}");
        }
    }

    #[test]
    fn quoted_cells_hold_what_stands_in_the_quotes() {
        let records = read(
            "a,\"b\"\n\"x, \"\"y\"\"\",\" \"\n\"line\nline\",2\n3,4\n",
            b',',
        )
        .unwrap();
        let expected = [
            ["a", "b"],
            ["x, \"y\"", ""],
            ["line\nline", "2"],
            ["3", "4"],
        ];
        assert_eq!(cells(&records), expected);
        assert_eq!(records.get(3).line(), 5);
    }

    #[test]
    fn records_are_taken_away_with_their_cells() {
        let mut records = read("a;b\n1;2\n3;4\n5;6\n", b';').unwrap();
        records.skip(1);
        records.retain(|record| record.cell(0) != "3");
        assert_eq!(cells(&records), [["1", "2"], ["5", "6"]]);
        assert_eq!(records.iter().map(Record::line).collect::<Vec<_>>(), [2, 4]);
        assert_eq!(records.column(1).collect::<Vec<_>>(), ["2", "6"]);
    }

    #[test]
    fn lines_of_another_width_and_other_bytes_are_named() {
        for (text, said) in [
            (
                "a,b\n1,2\n\n1,2,3\n",
                "2 columns in every row, got 3 in line 4; fix the line",
            ),
            (
                "a,\"b\"\n1\n",
                "2 columns in every row, got 1 in line 2; fix the line",
            ),
            (
                "# made by hand\na,b\n",
                "got 2 in line 2; take the lines away that begin with #",
            ),
        ] {
            let error = read(text, b',').unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        let path: &Path = "t.csv".as_ref();
        let budget = MemoryBudget::of(path, 1 << 20);
        let error = Records::of(b"a,b\n1,\xe9\n".to_vec(), b',', path, budget);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("other bytes in line 2; convert"), "{error}");
    }

    #[test]
    fn records_that_need_more_than_the_free_memory_are_refused() {
        let path: &Path = "rows.csv".as_ref();
        let bytes = "1,2,3\n".repeat(10_000).into_bytes();
        let read = |most: u64| Records::of(bytes.clone(), b',', path, MemoryBudget::of(path, most));
        assert_eq!(read(1 << 20).unwrap().len(), 10_000);
        let error = read(1 << 17).unwrap_err();
        assert!(matches!(error, DataError::Memory { .. }), "{error}");
    }
}
