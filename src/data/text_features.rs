//! Labelled texts as bags of hashed n-grams, weighted by tf-idf.
//!
//! Features of a text: its words, pairs of neighbouring words, and the character 3- to 5-grams of
//! its words, each hashed (FNV-1a) into one of so many buckets. The value of a bucket is
//! `(1 + ln tf) idf`, `idf = ln((1 + N) / (1 + df)) + 1` from the N training texts, and a row is
//! divided by its norm.
//!
//! # References
//! Weinberger et al.: "Feature hashing for large scale multitask learning", ICML 2009; Sparck
//! Jones: "A statistical interpretation of term specificity", 1972.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::seed::{Purpose, Stream};

use super::columns::Columns;
use super::dataset::{Dataset, Labels, LabelsMut};
use super::error::DataError;
use super::text::checked_dropout;

/// Texts, each with a label.
///
/// ```
/// use unisono::data::{Column, LabelledTexts};
/// let table = b"spam,win now\nham,see you\nham,thanks\n";
/// let texts = LabelledTexts::parse(table, &Column::Index(0), "mails.csv".as_ref())?;
/// assert_eq!((texts.classes.join(" "), &texts.labels[..]), ("ham spam".into(), &[1, 0, 0][..]));
/// assert_eq!(texts.texts[0], "win now");
/// # Ok::<(), unisono::data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LabelledTexts {
    /// The texts.
    pub texts: Vec<String>,
    /// The class of each.
    pub labels: Vec<u32>,
    /// The labels that there are, in order.
    pub classes: Vec<String>,
    /// Where text and label stand.
    pub columns: Columns,
    /// What each part of the table was taken for, `key: value` each.
    pub reading: Vec<String>,
}

impl LabelledTexts {
    /// Some of the texts, in this order.
    ///
    /// # Panics
    /// If a row is not one of them.
    pub fn subset(&self, rows: &[usize]) -> Self {
        Self {
            texts: rows.iter().map(|&row| self.texts[row].clone()).collect(),
            labels: rows.iter().map(|&row| self.labels[row]).collect(),
            classes: self.classes.clone(),
            columns: self.columns.clone(),
            reading: self.reading.clone(),
        }
    }
}

/// A hasher of texts: the buckets, and the idf of each, from the training part.
///
/// ```
/// use unisono::data::{Column, Dataset, LabelledTexts, TextHasher};
/// let texts = LabelledTexts::parse(b"a,the cat\nb,the dog\n", &Column::Index(0), "t.csv".as_ref())?;
/// let hasher = TextHasher::fit(&texts.texts, 1 << 10);
/// let data = hasher.dataset(&texts)?;
/// assert_eq!((data.len(), data.input_len()), (2, 1024));
/// # Ok::<(), unisono::data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextHasher {
    idf: Vec<f32>,
}

impl TextHasher {
    /// Counts in how many of `texts` each of `buckets` buckets comes up.
    ///
    /// # Panics
    /// If there are no buckets.
    pub fn fit(texts: &[String], buckets: usize) -> Self {
        assert!(buckets > 0, "a hasher needs at least 1 bucket, got 0");
        let mut documents = vec![0_u32; buckets];
        for text in texts {
            let counts = counts(text, buckets);
            counts
                .keys()
                .for_each(|&bucket| documents[bucket as usize] += 1);
        }
        let n = 1.0 + texts.len() as f32;
        let idf = documents
            .iter()
            .map(|&df| libm::logf(n / (1.0 + df as f32)) + 1.0);
        Self { idf: idf.collect() }
    }

    /// How many buckets there are.
    pub fn buckets(&self) -> usize {
        self.idf.len()
    }

    /// The buckets of a text that are not 0, and their values; nothing for a text without a word.
    pub fn row(&self, text: &str) -> Vec<(u32, f32)> {
        let counts = counts(text, self.idf.len());
        let value = |(bucket, count): (u32, u32)| {
            (
                bucket,
                (1.0 + libm::logf(count as f32)) * self.idf[bucket as usize],
            )
        };
        let mut row: Vec<(u32, f32)> = counts.into_iter().map(value).collect();
        let norm = row
            .iter()
            .map(|(_, value)| value * value)
            .sum::<f32>()
            .sqrt();
        row.iter_mut().for_each(|(_, value)| *value /= norm);
        row
    }

    /// The words of a text, each with its share of what `values` says of the buckets: a bucket's
    /// value goes in equal parts to the features in it, and theirs to their words.
    ///
    /// ```
    /// use unisono::data::TextHasher;
    /// let hasher = TextHasher::fit(&["the cat".to_owned()], 1 << 10);
    /// let mut values = vec![0.0; 1 << 10];
    /// hasher.row("cat").iter().for_each(|&(bucket, _)| values[bucket as usize] = 1.0);
    /// let shares = hasher.shares("the cat", &values);
    /// assert!(shares[1].0 == "cat" && shares[1].1 > 2.0 * shares[0].1);
    /// ```
    ///
    /// # Panics
    /// If there is not a value for each bucket.
    pub fn shares(&self, text: &str, values: &[f32]) -> Vec<(String, f32)> {
        assert_eq!(values.len(), self.buckets(), "give a value for each bucket");
        let words = words_of(text);
        let counts = counts(text, self.buckets());
        let mut shares = vec![0.0; words.len()];
        for (bucket, at) in features(&words, self.buckets()) {
            let parts = counts[&bucket] as usize * at.len();
            let share = values[bucket as usize] / parts as f32;
            shares[at].iter_mut().for_each(|sum| *sum += share);
        }
        words.into_iter().zip(shares).collect()
    }

    /// The rows of labelled texts.
    ///
    /// # Errors
    /// [`DataError::Empty`] if there are none.
    pub fn dataset(&self, texts: &LabelledTexts) -> Result<HashedTexts, DataError> {
        if texts.texts.is_empty() {
            return Err(DataError::Empty);
        }
        Ok(HashedTexts {
            rows: texts.texts.iter().map(|text| self.row(text)).collect(),
            buckets: self.idf.len(),
            labels: texts.labels.clone(),
            num_classes: texts.classes.len(),
            dropout: (0.0, 0),
        })
    }
}

/// Rows of hashed texts: a value a bucket, most of them 0 and not stored.
///
/// Example: [`TextHasher`].
#[derive(Clone, Debug, PartialEq)]
pub struct HashedTexts {
    rows: Vec<Vec<(u32, f32)>>,
    buckets: usize,
    labels: Vec<u32>,
    num_classes: usize,
    /// The share of n-grams that training does not see, and the seed.
    dropout: (f32, u64),
}

impl HashedTexts {
    /// The same, but every epoch of training leaves each n-gram out with probability `share`, and
    /// scales the others by `1 / (1 - share)`.
    ///
    /// # Errors
    /// [`DataError::Augmentation`] unless `share` lies in 0..=1.
    pub fn with_token_dropout(self, share: f32, seed: u64) -> Result<Self, DataError> {
        let dropout = (checked_dropout(share)?, seed);
        Ok(Self { dropout, ..self })
    }
}

impl Dataset for HashedTexts {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn input_len(&self) -> usize {
        self.buckets
    }

    fn labels(&self) -> Labels {
        Labels::Classes(self.num_classes)
    }

    fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]) {
        inputs.fill(0.0);
        for (&row, to) in rows.iter().zip(inputs.chunks_exact_mut(self.buckets)) {
            for &(bucket, value) in &self.rows[row as usize] {
                to[bucket as usize] = value;
            }
        }
    }

    fn gather_classes(&self, rows: &[u32], classes: &mut [u32]) {
        for (&row, to) in rows.iter().zip(classes) {
            *to = self.labels[row as usize];
        }
    }

    fn draw(&self, epoch: u32, rows: &[u32], inputs: &mut [f32], labels: LabelsMut<'_>) {
        self.gather_inputs(rows, inputs);
        let (share, seed) = self.dropout;
        if share > 0.0 {
            for (&row, to) in rows.iter().zip(inputs.chunks_exact_mut(self.buckets)) {
                let mut random = Stream::new(seed, Purpose::TokenDropout, row, epoch as u16);
                for &(bucket, _) in &self.rows[row as usize] {
                    let is_kept = random.uniform_f32() >= share;
                    to[bucket as usize] *= if is_kept { 1.0 / (1.0 - share) } else { 0.0 };
                }
            }
        }
        if let LabelsMut::Classes(classes) = labels {
            self.gather_classes(rows, classes);
        }
    }
}

/// How often each bucket comes up, in ascending order.
fn counts(text: &str, buckets: usize) -> BTreeMap<u32, u32> {
    let mut counts = BTreeMap::new();
    for (bucket, _) in features(&words_of(text), buckets) {
        *counts.entry(bucket).or_insert(0) += 1;
    }
    counts
}

/// The words of a text, in small letters.
fn words_of(text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    let words = text.split(|c: char| !c.is_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// Each feature of these words: its bucket, and the words it is made of.
fn features(words: &[String], buckets: usize) -> Vec<(u32, Range<usize>)> {
    let mut found = Vec::new();
    let bucket = |kind: u8, parts: &[&str]| (hash(kind, parts) % buckets as u64) as u32;
    for (at, word) in words.iter().enumerate() {
        found.push((bucket(1, &[word]), at..at + 1));
        if let Some(next) = words.get(at + 1) {
            found.push((bucket(2, &[word, next]), at..at + 2));
        }
        let framed = format!(" {word} ");
        let starts = framed.char_indices().map(|(at, _)| at);
        let starts: Vec<usize> = starts.chain([framed.len()]).collect();
        for n in 3..=5 {
            for ends in starts.windows(n + 1) {
                found.push((bucket(3, &[&framed[ends[0]..ends[n]]]), at..at + 1));
            }
        }
    }
    found
}

/// FNV-1a over the parts, with a mark behind each.
fn hash(kind: u8, parts: &[&str]) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let mut hash = step(0xcbf2_9ce4_8422_2325, kind);
    for part in parts {
        hash = part.bytes().fold(hash, step);
        hash = step(hash, 0xff);
    }
    hash
}
