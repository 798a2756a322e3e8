//! The kinds of studies.

use crate::study::batch_size::{BRANCH_CHARTS, COMPARISON_CHARTS, CURVE_CHARTS, TIME_CHARTS};

/// The kinds of studies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StudyKind {
    Steps,
    Time,
    Branches,
    Recipes,
    Adaptive,
    Gap,
}

impl StudyKind {
    /// As in `unisono study NAME`.
    pub(super) fn command(self) -> String {
        let name = match self {
            StudyKind::Steps => "steps",
            StudyKind::Time => "time",
            StudyKind::Branches => "branches",
            StudyKind::Recipes => "recipes",
            StudyKind::Adaptive => "adaptive",
            StudyKind::Gap => "gap",
        };
        format!("study {name}")
    }

    /// Whether learning rates are searched.
    pub(super) fn searches(self) -> bool {
        matches!(self, StudyKind::Steps | StudyKind::Time)
    }

    /// Whether ready-made recipes are compared.
    pub(super) fn has_recipes(self) -> bool {
        matches!(
            self,
            StudyKind::Recipes | StudyKind::Adaptive | StudyKind::Gap
        )
    }

    /// The names of its charts.
    pub(super) fn charts(self) -> &'static [&'static str] {
        match self {
            StudyKind::Steps => CURVE_CHARTS,
            StudyKind::Time => TIME_CHARTS,
            StudyKind::Branches => BRANCH_CHARTS,
            StudyKind::Recipes | StudyKind::Adaptive | StudyKind::Gap => COMPARISON_CHARTS,
        }
    }
}
