//! Laws of scaling, fitted by weighted linear least squares.
//!
//! # Formulas
//! X(N) is the throughput of N threads, `rate` that of one.
//!
//! | law | X(N) | linear in |
//! |---|---|---|
//! | Amdahl 1967 | rate N / (1 + σ(N-1)) | N/X = 1/rate + σ/rate (N-1) |
//! | Universal Scalability (Gunther 1993) | rate N / (1 + σ(N-1) + κN(N-1)) | the same + κ/rate N(N-1) |
//! | Gustafson 1988 | rate (N - σ(N-1)) | X = rate N - σ rate (N-1) |
//!
//! Residuals are relative: every point counts alike, whatever its throughput. Nothing keeps σ and κ
//! positive: a κ whose interval holds 0 says that the points show none.

use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

/// Least squares: the coefficients of `columns` that come nearest to `y`, each residual times its
/// weight; `None` if they are not determined.
///
/// ```
/// use unisono::stats::least_squares;
/// let x = vec![0.0, 1.0, 2.0];
/// let line = least_squares(&[vec![1.0; 3], x], &[1.0, 3.0, 5.0], &[1.0; 3]).unwrap();
/// assert!((line[0] - 1.0).abs() < 1e-12 && (line[1] - 2.0).abs() < 1e-12);
/// ```
///
/// # Panics
/// If columns, `y` and weights differ in length.
pub fn least_squares(columns: &[Vec<f64>], y: &[f64], weights: &[f64]) -> Option<Vec<f64>> {
    let (rows, terms) = (y.len(), columns.len());
    if rows < terms || terms == 0 {
        return None;
    }
    assert!(
        weights.len() == rows && columns.iter().all(|column| column.len() == rows),
        "{rows} values need as many weights and rows of each column"
    );
    let matrix = DMatrix::from_fn(rows, terms, |row, term| columns[term][row] * weights[row]);
    let target = DVector::from_fn(rows, |row, _| y[row] * weights[row]);
    let decomposed = matrix.qr();
    let (q, r) = (decomposed.q(), decomposed.r());
    let largest = r.diagonal().amax();
    let is_determined = r.diagonal().iter().all(|d| d.abs() > 1e-12 * largest);
    let solved = r.solve_upper_triangular(&(q.transpose() * target))?;
    let is_finite = solved.iter().all(|value| value.is_finite());
    (is_determined && is_finite).then(|| solved.iter().copied().collect())
}

/// A law of scaling.
///
/// Example: [`LawFit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Law {
    /// A serial share σ of a fixed amount of work.
    Amdahl,
    /// A serial share σ of an amount of work that grows with the threads.
    Gustafson,
    /// Contention σ and coherency κ: throughput has a peak.
    Usl,
}

impl Law {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Law::Amdahl => "Amdahl",
            Law::Gustafson => "Gustafson",
            Law::Usl => "Universal Scalability Law",
        }
    }

    /// Points below which a fit would only repeat them, or rest on too few.
    pub fn points_needed(self) -> usize {
        match self {
            Law::Amdahl | Law::Gustafson => 2,
            Law::Usl => 6,
        }
    }

    /// The law through points of threads and throughput; `None` if they do not determine it.
    ///
    /// ```
    /// use unisono::stats::{Law, LawFit};
    /// let planted = LawFit { law: Law::Usl, rate: 1000.0, sigma: 0.05, kappa: 0.001 };
    /// let points: Vec<_> = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0].map(|n| (n, planted.throughput(n))).into();
    /// let fit = Law::Usl.fit(&points).unwrap();
    /// assert!((fit.sigma - 0.05).abs() < 1e-9 && (fit.kappa - 0.001).abs() < 1e-9);
    /// assert!((fit.best_threads().unwrap() - 950_f64.sqrt()).abs() < 1e-6);
    /// ```
    pub fn fit(self, points: &[(f64, f64)]) -> Option<LawFit> {
        let of = |term: fn(f64) -> f64| -> Vec<f64> {
            points.iter().map(|&(threads, _)| term(threads)).collect()
        };
        let y: Vec<f64> = match self {
            Law::Gustafson => points.iter().map(|point| point.1).collect(),
            _ => points.iter().map(|point| point.0 / point.1).collect(),
        };
        let weights: Vec<f64> = y.iter().map(|y| 1.0 / y.abs()).collect();
        let columns = match self {
            Law::Amdahl => vec![of(|_| 1.0), of(|n| n - 1.0)],
            Law::Gustafson => vec![of(|n| n), of(|n| 1.0 - n)],
            Law::Usl => vec![of(|_| 1.0), of(|n| n - 1.0), of(|n| n * (n - 1.0))],
        };
        let solved = least_squares(&columns, &y, &weights)?;
        let rate = match self {
            Law::Gustafson => solved[0],
            _ => 1.0 / solved[0],
        };
        Some(LawFit {
            law: self,
            rate,
            sigma: solved[1] / solved[0],
            kappa: solved.get(2).map_or(0.0, |kappa| kappa / solved[0]),
        })
    }
}

/// A law with its constants.
///
/// ```
/// use unisono::stats::{Law, LawFit};
/// let law = |law, kappa| LawFit { law, rate: 100.0, sigma: 0.1, kappa };
/// // Rows a second of 11 threads, of which a tenth of the work is serial.
/// let of_eleven = |fit: LawFit| fit.throughput(11.0);
/// assert_eq!(of_eleven(law(Law::Amdahl, 0.0)), 550.0);
/// assert_eq!(of_eleven(law(Law::Gustafson, 0.0)), 1000.0);
/// assert_eq!(law(Law::Usl, 0.009).best_threads().map(f64::round), Some(10.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LawFit {
    /// The law.
    pub law: Law,
    /// Throughput of one thread, in the unit of the points, such as rows a second.
    pub rate: f64,
    /// Contention σ, or the serial share, in 0..=1 but for noise.
    pub sigma: f64,
    /// Coherency κ, at least 0 but for noise; 0 but for [`Law::Usl`].
    pub kappa: f64,
}

impl LawFit {
    /// The throughput of `threads`.
    pub fn throughput(&self, threads: f64) -> f64 {
        let (n, others) = (threads, threads - 1.0);
        match self.law {
            Law::Gustafson => self.rate * (n - self.sigma * others),
            _ => self.rate * n / (1.0 + self.sigma * others + self.kappa * n * others),
        }
    }

    /// The number of threads with the highest throughput, sqrt((1-σ)/κ), if there is one.
    pub fn best_threads(&self) -> Option<f64> {
        (self.kappa > 0.0 && self.sigma < 1.0).then(|| ((1.0 - self.sigma) / self.kappa).sqrt())
    }
}
