//! The values of NumPy's arrays: bytes of each type as numbers.

/// A type of numbers, and the order of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element {
    kind: Kind,
    is_big: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    U1,
    U2,
    U4,
    U8,
    I1,
    I2,
    I4,
    I8,
    F2,
    F4,
    F8,
}

impl Element {
    /// From NumPy's name for it, such as `<f4`; nothing for what is no number.
    pub(super) fn of(descr: &str) -> Option<Self> {
        let kind = match descr.get(1..)? {
            "u1" | "b1" => Kind::U1,
            "u2" => Kind::U2,
            "u4" => Kind::U4,
            "u8" => Kind::U8,
            "i1" => Kind::I1,
            "i2" => Kind::I2,
            "i4" => Kind::I4,
            "i8" => Kind::I8,
            "f2" => Kind::F2,
            "f4" => Kind::F4,
            "f8" => Kind::F8,
            _ => return None,
        };
        let is_big = descr.starts_with('>');
        Some(Self { kind, is_big })
    }

    pub(super) fn kind(self) -> Kind {
        self.kind
    }

    /// Bytes of a value.
    pub(super) fn size(self) -> usize {
        match self.kind {
            Kind::U1 | Kind::I1 => 1,
            Kind::U2 | Kind::I2 | Kind::F2 => 2,
            Kind::U4 | Kind::I4 | Kind::F4 => 4,
            Kind::U8 | Kind::I8 | Kind::F8 => 8,
        }
    }

    /// Calls `each` with every value of `bytes`.
    pub(super) fn values(self, bytes: &[u8], mut each: impl FnMut(f64)) {
        macro_rules! every {
            ($type:ty, $size:literal, $from:expr) => {
                for bytes in bytes.as_chunks::<$size>().0 {
                    let value = if self.is_big {
                        <$type>::from_be_bytes(*bytes)
                    } else {
                        <$type>::from_le_bytes(*bytes)
                    };
                    each($from(value));
                }
            };
        }
        match self.kind {
            Kind::U1 => bytes.iter().for_each(|&byte| each(f64::from(byte))),
            Kind::U2 => every!(u16, 2, f64::from),
            Kind::U4 => every!(u32, 4, f64::from),
            Kind::U8 => every!(u64, 8, |value| value as f64),
            Kind::I1 => every!(i8, 1, f64::from),
            Kind::I2 => every!(i16, 2, f64::from),
            Kind::I4 => every!(i32, 4, f64::from),
            Kind::I8 => every!(i64, 8, |value| value as f64),
            Kind::F2 => every!(u16, 2, |bits| f64::from(half(bits))),
            Kind::F4 => every!(f32, 4, f64::from),
            Kind::F8 => every!(f64, 8, f64::from),
        }
    }

    /// The same of integers that fit.
    pub(super) fn integers(self, bytes: &[u8]) -> Option<Vec<i64>> {
        let mut integers = Vec::with_capacity(bytes.len() / self.size());
        match self.kind {
            Kind::F2 | Kind::F4 | Kind::F8 => return None,
            // Larger than a double holds exactly.
            Kind::I8 | Kind::U8 => {
                for bits in self.unsigned(bytes) {
                    integers.push(match self.kind {
                        Kind::U8 => i64::try_from(bits).ok()?,
                        _ => bits as i64,
                    });
                }
            }
            _ => self.values(bytes, |value| integers.push(value as i64)),
        }
        Some(integers)
    }

    /// Values of eight bytes as they are.
    pub(super) fn unsigned(self, bytes: &[u8]) -> Vec<u64> {
        let chunks = bytes.as_chunks::<8>().0.iter();
        let value = |bytes: &[u8; 8]| match self.is_big {
            true => u64::from_be_bytes(*bytes),
            false => u64::from_le_bytes(*bytes),
        };
        chunks.map(value).collect()
    }

    /// Whole numbers that keep what a double does not hold; nothing for a type of others.
    #[cfg(feature = "files")]
    pub(super) fn exact(self, bytes: &[u8]) -> Option<Vec<i128>> {
        if self.kind == Kind::U8 {
            let values = self.unsigned(bytes).into_iter();
            return Some(values.map(i128::from).collect());
        }
        let values = self.integers(bytes)?.into_iter();
        Some(values.map(i128::from).collect())
    }
}

/// A half-precision number, exactly.
fn half(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let (exponent, fraction) = (u32::from(bits >> 10 & 31), u32::from(bits & 1023));
    match exponent {
        // 2^-24 times the fraction, which is exact.
        0 => f32::from_bits(sign | (fraction as f32 * 5.960_464_5e-8).to_bits()),
        31 => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_is_read_exactly() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0400, 6.103_515_6e-5),
            (0x0001, 5.960_464_5e-8),
            (0x8000, 0.0),
            (0x3555, 0.333_251_95),
        ] {
            assert_eq!(half(bits), value, "{bits:x}");
        }
        assert!(half(0x7c00).is_infinite() && half(0x7e00).is_nan());
        assert!(half(0x8000).is_sign_negative());
    }

    #[test]
    fn integers_keep_what_a_double_does_not_hold() {
        let largest = i64::MAX.to_be_bytes();
        let of = |descr: &str, bytes: &[u8]| Element::of(descr).unwrap().integers(bytes);
        assert_eq!(of(">i8", &largest), Some(vec![i64::MAX]));
        assert_eq!(of("<u8", &[255; 8]), None);
        assert_eq!(of(">i2", &[255, 254]), Some(vec![-2]));
    }
}
