//! Numbers as all commands print them: a decimal point, no separators of thousands, and a space
//! before the unit.

/// A share from 0 to 1: `97.25 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// The duration of a training: `12.34 s`.
pub(super) fn seconds(seconds: f64) -> String {
    format!("{seconds:.2} s")
}

/// The time of a step or of a part of one: `0.1234 ms`.
pub(super) fn milliseconds(ms: f64) -> String {
    format!("{ms:.4} ms")
}

/// Rows that are trained on in a second: `123456 samples/s`.
pub(super) fn rate(samples_per_s: f64) -> String {
    format!("{samples_per_s:.0} samples/s")
}

/// Operations a second: `12.3 GFLOP/s`.
pub(super) fn gflops(flops_per_s: f64) -> String {
    format!("{:.1} GFLOP/s", flops_per_s / 1e9)
}

/// A loss: `0.123456`.
pub(super) fn loss(value: f64) -> String {
    format!("{value:.6}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_units() {
        assert_eq!(percent(0.97254), "97.25 %");
        assert_eq!(seconds(12.344), "12.34 s");
        assert_eq!(milliseconds(0.123_46), "0.1235 ms");
        assert_eq!(rate(1_234_567.8), "1234568 samples/s");
        assert_eq!(
            (gflops(1.26e10), loss(0.5)),
            ("12.6 GFLOP/s".to_owned(), "0.500000".to_owned())
        );
    }
}
