//! Statistics of measurements, which say no more than their samples can bear.
//!
//! | file | what |
//! |---|---|
//! | `bootstrap` | intervals and ranges of values, by resampling |
//! | `estimate` | a value with its interval or range |
//! | `fit` | least squares, and the laws of scaling |
//! | `mann_whitney` | a test for a shift between two samples |
//! | `quantile` | quantiles and medians |

mod bootstrap;
mod estimate;
mod fit;
mod mann_whitney;
mod quantile;

pub(crate) use bootstrap::Resampled;
pub use bootstrap::{Bootstrap, RESAMPLES};
pub use estimate::{Estimate, FEWEST, spread_text};
pub use fit::{Law, LawFit, least_squares};
pub use mann_whitney::mann_whitney;
pub(crate) use quantile::median_of;
pub use quantile::quantile;
