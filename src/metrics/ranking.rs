//! Ranking: whether rows of a class have higher scores than others, at every threshold.

/// How well scores rank the rows of a class above all others, whatever threshold is chosen.
///
/// ```
/// use unisono::metrics::Ranking;
/// let ranking = Ranking::of(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true]).unwrap();
/// assert_eq!(ranking.roc_auc, 0.75);
/// assert_eq!(ranking.average_precision, 0.5 + 0.5 * (2.0 / 3.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Ranking {
    /// Area under the receiver operating characteristic, in 0..=1: how often a row of the class has
    /// a higher score than another row, equal scores counting half (Hanley and McNeil, "The meaning
    /// and use of the area under a ROC curve", 1982). 0.5 by chance.
    pub roc_auc: f64,
    /// Precision at each threshold, weighted by the recall that is gained there, in 0..=1. The share
    /// of the class by chance.
    pub average_precision: f64,
}

impl Ranking {
    /// Of the score of each row, and whether it is of the class; `None` where all rows are, or none
    /// is, since there is nothing to rank.
    ///
    /// # Panics
    /// If there are not as many scores as rows, or a score is NaN.
    pub fn of(scores: &[f64], is_positive: &[bool]) -> Option<Self> {
        assert_eq!(scores.len(), is_positive.len(), "a score for each row");
        let positives = is_positive.iter().filter(|&&positive| positive).count();
        let negatives = scores.len() - positives;
        if positives == 0 || negatives == 0 {
            return None;
        }
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_unstable_by(|&a, &b| scores[b].partial_cmp(&scores[a]).expect("no NaN"));
        // From the highest score down; equal scores are one threshold.
        let (mut found, mut rows, mut precision) = (0, 0, 0.0);
        let mut twice_area: u128 = 0;
        for equals in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
            let gained = equals.iter().filter(|&&row| is_positive[row]).count();
            let others = equals.len() - gained;
            twice_area += (others as u128) * (2 * found + gained) as u128;
            found += gained;
            rows += equals.len();
            precision += gained as f64 * (found as f64 / rows as f64);
        }
        let pairs = 2 * positives as u128 * negatives as u128;
        Some(Self {
            roc_auc: twice_area as f64 / pairs as f64,
            average_precision: precision / positives as f64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_rank_by_chance_whatever_the_order_of_rows() {
        let is_positive = [true, false, false, true, false];
        let ranking = Ranking::of(&[0.3; 5], &is_positive).unwrap();
        assert_eq!(ranking.roc_auc, 0.5);
        assert_eq!(ranking.average_precision, 0.4);
    }

    #[test]
    fn the_order_of_rows_changes_no_bit() {
        let scores = [0.9, 0.1, 0.5, 0.5, 0.7, 0.2, 0.5];
        let is_positive = [true, false, true, false, false, true, true];
        let ranking = Ranking::of(&scores, &is_positive).unwrap();
        for by in 1..7 {
            let turned = |at: usize| (at * 3 + by) % 7;
            let scores: Vec<f64> = (0..7).map(|at| scores[turned(at)]).collect();
            let is_positive: Vec<bool> = (0..7).map(|at| is_positive[turned(at)]).collect();
            assert_eq!(Ranking::of(&scores, &is_positive).unwrap(), ranking);
        }
    }

    #[test]
    fn rows_of_one_kind_cannot_be_ranked() {
        assert_eq!(Ranking::of(&[0.1, 0.2], &[true, true]), None);
        assert_eq!(Ranking::of(&[0.1, 0.2], &[false, false]), None);
        assert_eq!(Ranking::of(&[], &[]), None);
    }
}
