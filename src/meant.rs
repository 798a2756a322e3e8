//! Names that were probably meant by ones that there are not: of flags' values, keys, layers,
//! schedules, batch policies, augmentation, columns, classes and weights.
//!
//! # Why without a crate in the small library
//! What compares names comes with the features `cli` and `export`. Without them nothing is
//! suggested; the errors name what there is anyway.

use std::fmt::Display;

/// How alike a name and a known one must be (Jaro-Winkler, 1 is the same).
#[cfg(any(feature = "cli", feature = "export"))]
const ALIKE: f64 = 0.8;

/// The known name that is most like `name`, if one is like it; case and `_` for `-` do not count.
#[cfg(any(feature = "cli", feature = "export"))]
pub(crate) fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let plain = |name: &str| name.to_lowercase().replace('_', "-");
    let name = plain(name);
    let scored = known.into_iter().map(|known| {
        let other = plain(known);
        // One letter too many, too few, wrong, or two exchanged: in a short name Jaro-Winkler
        // counts that for more than it is.
        let is_slip = name.chars().count() > 2 && strsim::osa_distance(&name, &other) <= 1;
        let likeness = strsim::jaro_winkler(&name, &other);
        (likeness + f64::from(u8::from(is_slip)), known)
    });
    // Of those as like, the first.
    let best = scored.reduce(|best, other| if other.0 > best.0 { other } else { best })?;
    (best.0 >= ALIKE).then_some(best.1)
}

/// Nothing, where no crate compares names.
#[cfg(not(any(feature = "cli", feature = "export")))]
pub(crate) fn nearest<'n>(_: &str, _: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    None
}

/// What a message ends with: `; did you mean NAME?`, or nothing.
pub(crate) fn did_you_mean(name: Option<impl Display>) -> String {
    name.map_or(String::new(), |name| format!("; did you mean {name}?"))
}

#[cfg(all(test, any(feature = "cli", feature = "export")))]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_meant_if_it_is_near() {
        let known = ["mse", "l1", "huber", "cross-entropy", "bce"];
        for (name, meant) in [
            ("mes", Some("mse")),
            ("Huber", Some("huber")),
            ("cross_entrpy", Some("cross-entropy")),
            ("bse", Some("bce")),
            ("hinge", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known), meant, "{name}");
        }
        assert_eq!(nearest("mse", []), None);
        assert_eq!(did_you_mean(nearest("mes", known)), "; did you mean mse?");
        assert_eq!(did_you_mean(None::<&str>), "");
    }
}
