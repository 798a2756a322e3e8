//! NumPy's types that are not read: what they are, and what makes numbers of them.

/// A type of values that is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OddType {
    /// What its values are.
    pub(super) what: &'static str,
    /// What makes numbers of them; the array is `ARRAY` in it.
    advice: &'static str,
}

/// What a code stands for, by how NumPy's name for it goes on behind the order of the bytes.
const KNOWN: [(&str, &str, &str); 9] = [
    (
        "f",
        "long doubles",
        "save it in double precision: ARRAY.astype(\"float64\")",
    ),
    (
        "c",
        "complex numbers",
        "save real ones, such as np.abs(ARRAY), or np.stack([ARRAY.real, ARRAY.imag], -1)",
    ),
    ("U", "texts", NUMBERED),
    ("S", "texts", NUMBERED),
    ("a", "texts", NUMBERED),
    (
        "O",
        "Python objects",
        "save it as numbers, such as with ARRAY.astype(\"float32\")",
    ),
    ("M", "dates", COUNTED),
    ("m", "spans of time", COUNTED),
    (
        "V",
        "bytes without a meaning",
        "save it as numbers, such as with ARRAY.astype(\"float32\")",
    ),
];

const NUMBERED: &str = "number them: np.unique(ARRAY, return_inverse=True)[1]";
const COUNTED: &str = "save the numbers behind them: ARRAY.astype(\"int64\")";

/// What a type is that is none of those that are read.
pub(super) fn odd_type(descr: &str) -> OddType {
    let (what, advice) = if descr.starts_with('[') {
        let advice = "save each field as an array of its own, such as ARRAY[\"name\"]";
        ("records of several fields", advice)
    } else {
        let code = descr.get(1..).unwrap_or_default();
        let found = KNOWN.iter().find(|(start, ..)| code.starts_with(start));
        let unknown = "save it as numbers, such as with ARRAY.astype(\"float32\")";
        found.map_or(("values of another type", unknown), |(_, what, advice)| {
            (*what, *advice)
        })
    };
    OddType { what, advice }
}

impl OddType {
    /// What makes numbers of the array with a name.
    pub(super) fn remedy(self, name: &str) -> String {
        self.advice.replace("ARRAY", name)
    }

    /// Whether it is made of numbers all the same.
    #[cfg(any(test, feature = "files"))]
    pub(super) fn is_numbers(self) -> bool {
        ["long doubles", "complex numbers"].contains(&self.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_that_is_not_read_has_a_name_and_a_remedy() {
        for (descr, what) in [
            ("<f16", "long doubles"),
            (">c8", "complex numbers"),
            ("<U5", "texts"),
            ("|S3", "texts"),
            ("|O", "Python objects"),
            ("<M8[ns]", "dates"),
            ("<m8[s]", "spans of time"),
            ("|V2", "bytes without a meaning"),
            ("[('a', '<f4'), ('b', '<i8')]", "records of several fields"),
            ("<z9", "values of another type"),
            ("", "values of another type"),
        ] {
            let found = odd_type(descr);
            assert_eq!(found.what, what, "{descr}");
            let remedy = found.remedy("y");
            assert!(
                remedy.starts_with("save") || remedy.starts_with("number"),
                "{remedy}"
            );
            assert!(
                remedy.contains('y') && !remedy.contains("ARRAY"),
                "{remedy}"
            );
        }
        assert!(odd_type("<f16").is_numbers() && odd_type("<c16").is_numbers());
        assert!(!odd_type("<U5").is_numbers());
    }
}
