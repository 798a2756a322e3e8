//! A case: a configuration, which decides on the bits, and who computes it, which may not; as one
//! line of text, so that a case that fails can be pasted.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// Who computes a training, and how: nothing of it changes a bit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Execution {
    /// Processes, here threads of this one, and worker threads of each.
    pub(super) ranks: usize,
    pub(super) threads: usize,
    pub(super) all_reduce: String,
    pub(super) update: String,
    pub(super) isa: String,
    /// Whether faster workers get more shards.
    pub(super) balance: bool,
}

impl Execution {
    /// The plainest: one thread, the textbook's sum, kernels without instructions of a processor.
    pub(super) fn plain() -> Self {
        Self {
            ranks: 1,
            threads: 1,
            all_reduce: "naive".to_owned(),
            update: "master".to_owned(),
            isa: "portable".to_owned(),
            balance: false,
        }
    }
}

/// What is trained.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Case {
    /// `numbers 7`, `images 6x6x1`, `sequences 5x3` or `tokens 5 of 9`.
    pub(super) data: String,
    pub(super) rows: usize,
    /// Whether rows have weights, one of them 0.
    pub(super) weighted: bool,
    /// Whether images are augmented.
    pub(super) augmented: bool,
    pub(super) layers: String,
    pub(super) loss: String,
    pub(super) optimizer: String,
    pub(super) schedule: String,
    pub(super) policy: String,
    pub(super) sampling: String,
    /// `early stopping`, `plateau` or `nothing`.
    pub(super) rule: String,
    pub(super) precision: String,
    pub(super) batch: usize,
    pub(super) shards: usize,
    pub(super) epochs: u32,
    pub(super) seed: u64,
    pub(super) by: Execution,
    /// After how many steps others go on, and who; 0 for nobody.
    pub(super) cut: u64,
    pub(super) then: Execution,
}

impl Display for Execution {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            ranks,
            threads,
            all_reduce,
            update,
            isa,
            balance,
        } = self;
        write!(
            f,
            "{ranks} x {threads} {all_reduce} {update} {isa} {balance}"
        )
    }
}

impl FromStr for Execution {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [ranks, "x", threads, all_reduce, update, isa, balance] = *words else {
            return Err(format!("{text:?} does not say who computes"));
        };
        let number = |word: &str| word.parse().map_err(|_| format!("{word:?} is no number"));
        Ok(Self {
            ranks: number(ranks)?,
            threads: number(threads)?,
            all_reduce: all_reduce.to_owned(),
            update: update.to_owned(),
            isa: isa.to_owned(),
            balance: balance == "true",
        })
    }
}

impl Display for Case {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "data: {}; rows: {}; ", self.data, self.rows)?;
        write!(f, "weighted: {}; ", self.weighted)?;
        write!(f, "augmented: {}; ", self.augmented)?;
        write!(f, "layers: {}; loss: {}; ", self.layers, self.loss)?;
        write!(f, "optimizer: {}; ", self.optimizer)?;
        write!(f, "schedule: {}; ", self.schedule)?;
        write!(f, "policy: {}; ", self.policy)?;
        write!(f, "sampling: {}; rule: {}; ", self.sampling, self.rule)?;
        write!(f, "precision: {}; ", self.precision)?;
        write!(f, "batch: {}; shards: {}; ", self.batch, self.shards)?;
        write!(f, "epochs: {}; seed: {}; ", self.epochs, self.seed)?;
        write!(f, "by: {}; ", self.by)?;
        write!(f, "cut: {}; then: {}", self.cut, self.then)
    }
}

impl FromStr for Case {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split(';').filter_map(|part| part.split_once(':'));
        let parts: BTreeMap<_, _> = parts
            .map(|(key, value)| (key.trim(), value.trim()))
            .collect();
        let part = |key: &str| {
            let value = parts.get(key).copied();
            value.ok_or_else(|| format!("{key} is missing"))
        };
        fn number<T: FromStr>(text: &str) -> Result<T, String> {
            text.parse().map_err(|_| format!("{text:?} is no number"))
        }
        let word = |key: &str| part(key).map(str::to_owned);
        Ok(Self {
            data: word("data")?,
            rows: number(part("rows")?)?,
            weighted: part("weighted")? == "true",
            augmented: part("augmented")? == "true",
            layers: word("layers")?,
            loss: word("loss")?,
            optimizer: word("optimizer")?,
            schedule: word("schedule")?,
            policy: word("policy")?,
            sampling: word("sampling")?,
            rule: word("rule")?,
            precision: word("precision")?,
            batch: number(part("batch")?)?,
            shards: number(part("shards")?)?,
            epochs: number(part("epochs")?)?,
            seed: number(part("seed")?)?,
            by: part("by")?.parse()?,
            cut: number(part("cut")?)?,
            then: part("then")?.parse()?,
        })
    }
}
