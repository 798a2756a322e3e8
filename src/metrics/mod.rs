//! Metrics: how good predictions are, by the numbers that the field reports.
//!
//! They follow from the predictions of all rows, which are counted and added in the order of the
//! rows: the same bits for any number of threads. Names and conventions are scikit-learn's.
//!
//! | file | what |
//! |---|---|
//! | `classification` | accuracy, precision, recall, F1, log loss, top 5, of all rows and by class |
//! | `label_sets` | rows with any number of labels: subset accuracy, micro and macro averages, by label |
//! | `ranking` | areas under the receiver operating characteristic and under precision over recall |
//! | `error` | predictions that are none |

mod classification;
mod error;
mod label_sets;
mod ranking;

pub use classification::{ClassMetrics, Classification};
pub use error::MetricsError;
pub use label_sets::{LabelAverages, MultiLabel};
pub use ranking::Ranking;
