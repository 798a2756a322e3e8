//! Disturbances of a measurement: other processes, the host of a virtual machine, heat.

use std::fs;

use serde::{Deserialize, Serialize};

use crate::sys::machine::line_of;

/// Counters of the system, read before and after a sample (Linux; each is absent where the system
/// does not tell).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    /// All processors' time in ticks: doing anything at all, taken by the host, and in total.
    all: Option<[u64; 3]>,
    /// This process's own, in ticks.
    own: Option<u64>,
    throttles: Option<u64>,
}

/// Disturbances between two readings.
///
/// ```
/// use unisono::study::Disturbance;
/// let mut disturbance = Disturbance::default();
/// assert_eq!(disturbance.reason(), None);
/// disturbance.steal_share = Some(0.05);
/// assert_eq!(disturbance.reason().as_deref(), Some("the host took 5.0 %"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Disturbance {
    /// Processors that did other processes' work.
    pub others_cores: Option<f64>,
    /// The share of the processors' time that the host of a virtual machine took.
    pub steal_share: Option<f64>,
    /// Times that the processor was slowed down because of its heat.
    pub throttles: Option<u64>,
    /// The clock of the first core at the end, in MHz.
    pub clock_mhz: Option<f64>,
    /// The load average of the last minute, at the end.
    pub load: Option<f64>,
}

impl Counters {
    pub(crate) fn read() -> Self {
        let throttles =
            line_of("/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count");
        Self {
            all: all_ticks(),
            own: own_ticks(),
            throttles: throttles.and_then(|count| count.parse().ok()),
        }
    }

    /// This process's own ticks since `before`.
    pub(crate) fn own_since(&self, before: &Self) -> u64 {
        let both = self.own.zip(before.own);
        both.map_or(0, |(now, then)| now - then)
    }

    /// What happened since `before`, while processes that belong to it took `others` ticks.
    pub(crate) fn since(&self, before: &Self, others: u64) -> Disturbance {
        // Ticks of all processors, and this process's own.
        let all = self.all.zip(before.all);
        let ticks = all.map(|(now, then)| [0, 1, 2].map(|k| now[k].saturating_sub(then[k]) as f64));
        let ticks = ticks.filter(|[_, _, total]| *total > 0.0);
        let own = self.own.and(before.own);
        let own = own.map(|_| (self.own_since(before) + others) as f64);
        let cores = std::thread::available_parallelism().map_or(1.0, |count| count.get() as f64);
        let clock = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("cpu MHz"))?;
            line.split_once(':')?.1.trim().parse().ok()
        });
        Disturbance {
            others_cores: ticks
                .zip(own)
                .map(|([busy, _, total], own)| ((busy - own) / total).max(0.0) * cores),
            steal_share: ticks.map(|[_, steal, total]| steal / total),
            throttles: self
                .throttles
                .zip(before.throttles)
                .map(|(now, then)| now - then),
            clock_mhz: clock,
            load: line_of("/proc/loadavg")
                .and_then(|text| text.split_whitespace().next()?.parse().ok()),
        }
    }
}

impl Disturbance {
    /// Why a sample that it happened to cannot be believed, if so: another process had a quarter of
    /// a core or more, the host 2 %, or the processor was too hot.
    pub fn reason(&self) -> Option<String> {
        if let Some(cores) = self.others_cores.filter(|&cores| cores >= 0.25) {
            return Some(format!("others used {cores:.2} cores"));
        }
        if let Some(share) = self.steal_share.filter(|&share| share >= 0.02) {
            return Some(format!("the host took {:.1} %", 100.0 * share));
        }
        let throttles = self.throttles.filter(|&count| count > 0)?;
        Some(format!("throttled {throttles} times"))
    }
}

/// Busy, stolen and total ticks of all processors.
fn all_ticks() -> Option<[u64; 3]> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = line
        .split_whitespace()
        .filter_map(|tick| tick.parse().ok())
        .take(8)
        .collect();
    let &[user, nice, system, idle, iowait, irq, softirq, steal] = ticks.as_slice() else {
        return None;
    };
    let busy = user + nice + system + irq + softirq;
    Some([busy, steal, busy + idle + iowait + steal])
}

fn own_ticks() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program may hold blanks; it ends with the last parenthesis.
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}
