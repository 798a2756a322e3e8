//! Real numbers in text: read as they are written, and refused where they would be read as 0.

/// Why a text is not taken for a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misread {
    /// It is none.
    NoNumber,
    /// It is not 0, but nearer to it than any other number of its precision.
    Vanishes,
}

/// The number in double precision.
pub(crate) fn double(text: &str) -> Result<f64, Misread> {
    let value: f64 = text.parse().map_err(|_| Misread::NoNumber)?;
    let mut digits = text.split(['e', 'E']).next().unwrap_or_default().chars();
    let is_other = digits.any(|digit| ('1'..='9').contains(&digit));
    if value == 0.0 && is_other {
        Err(Misread::Vanishes)
    } else {
        Ok(value)
    }
}

/// The number in single precision.
pub(crate) fn single(text: &str) -> Result<f32, Misread> {
    let value = double(text)?;
    let single = value as f32;
    if single == 0.0 && value != 0.0 {
        Err(Misread::Vanishes)
    } else {
        Ok(single)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_0_is_not_read_as_0() {
        for zero in ["0", "-0", "0.0", "0e5", "000.000E-9"] {
            assert_eq!((single(zero), double(zero)), (Ok(0.0), Ok(0.0)), "{zero}");
        }
        for tiny in ["1e-60", "-1e-60", "0.1e-59"] {
            assert_eq!(single(tiny), Err(Misread::Vanishes), "{tiny}");
            assert!(double(tiny).is_ok_and(|value| value != 0.0), "{tiny}");
        }
        assert_eq!(double("1e-400"), Err(Misread::Vanishes));
        assert_eq!(single("1e-45"), Ok(f32::from_bits(1)));
        assert_eq!(single("1e40"), Ok(f32::INFINITY));
        for odd in ["", "many", "1,5", "0x1"] {
            assert_eq!(double(odd), Err(Misread::NoNumber), "{odd}");
        }
    }
}
