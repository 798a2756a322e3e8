//! Shared by the benches: throughput as a share of the processor's peak, and the plain twins of
//! the layers.

use std::time::{Duration, Instant};

use criterion::Throughput;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use unisono::nn::Precision;
use unisono::study::measured_peak_flops;

/// Wall time; a throughput in elements is taken for floating-point operations, and shown as a share
/// of the peak.
pub(crate) struct PeakShare {
    wall: WallTime,
    peak: f64,
    unit: &'static str,
}

impl PeakShare {
    /// Measures the peak of one core.
    pub(crate) fn new() -> Self {
        let peak = measured_peak_flops(Precision::F32);
        // Criterion wants a unit that lives as long as the process; there is one of it.
        let unit = Box::leak(format!("% of {:.0} GFLOP/s", peak / 1e9).into_boxed_str());
        Self {
            wall: WallTime,
            peak,
            unit,
        }
    }
}

impl Measurement for PeakShare {
    type Intermediate = Instant;
    type Value = Duration;

    fn start(&self) -> Instant {
        self.wall.start()
    }

    fn end(&self, started: Instant) -> Duration {
        self.wall.end(started)
    }

    fn add(&self, left: &Duration, right: &Duration) -> Duration {
        self.wall.add(left, right)
    }

    fn zero(&self) -> Duration {
        self.wall.zero()
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        self.wall.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        self
    }
}

impl ValueFormatter for PeakShare {
    fn scale_values(&self, typical: f64, values: &mut [f64]) -> &'static str {
        self.wall.formatter().scale_values(typical, values)
    }

    fn scale_throughputs(
        &self,
        typical: f64,
        throughput: &Throughput,
        values: &mut [f64],
    ) -> &'static str {
        let &Throughput::Elements(flops) = throughput else {
            return self
                .wall
                .formatter()
                .scale_throughputs(typical, throughput, values);
        };
        for value in values {
            *value = 100.0 * flops as f64 / (*value * 1e-9) / self.peak;
        }
        self.unit
    }

    fn scale_for_machines(&self, values: &mut [f64]) -> &'static str {
        self.wall.formatter().scale_for_machines(values)
    }
}
