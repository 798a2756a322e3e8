//! `unisono doctor`: hardware, chosen settings and measured peaks.

use serde_json::{Map, Value, json};

use crate::engine::{Pinning, Placement, Threads, default_shards};
use crate::nn::{Isa, Precision};
use crate::report::Machine;
use crate::study::{measured_bandwidth, measured_peak_flops};
use crate::sys::{cores, machine};
use crate::train::TrainError;

use super::error::CommandError;
use super::options::JsonArgs;
use super::stdout::{json, only_json};
use super::units::gflops;

pub(super) fn doctor(how: JsonArgs) -> Result<(), CommandError> {
    only_json(how.json);
    let auto = Placement::of_process(Threads::Auto, Pinning::Auto).map_err(TrainError::from)?;
    // Hardware, and what of it this process may use.
    let this = Machine::this();
    for (name, value) in this.facts() {
        say!("{name}: {value}");
    }
    say!("logical processors: {}", known(machine::num_processors()));
    say!(
        "affinity mask and quota leave: {} cores",
        auto.num_usable_cores
    );
    say!("physical cores of these: {}", known(auto.num_physical));
    let quota = machine::quota().map(|cores| format!("{cores:.2} cores"));
    say!("cgroup quota: {}", quota.unwrap_or("none".to_owned()));
    let siblings = known(machine::siblings());
    say!("SMT siblings of processor 0: {siblings}");
    say!("NUMA nodes: {}", known(machine::numa_nodes()));
    for (name, size) in machine::caches() {
        say!("cache {name}: {size}");
    }
    let measured = Measured::on(&auto);
    reached(&auto, &measured)?;
    json(|| {
        let caches: Map<String, Value> = machine::caches()
            .into_iter()
            .map(|(name, size)| (name, json!(size)))
            .collect();
        json!({
            "machine": this,
            "logical_processors": machine::num_processors(),
            "usable_cores": auto.num_usable_cores,
            "physical_cores": auto.num_physical,
            "quota_cores": machine::quota(),
            "siblings": machine::siblings(),
            "numa_nodes": machine::numa_nodes(),
            "caches": caches,
            "kernels": Isa::chosen().ok().map(Isa::name),
            "best_kernels": Isa::detect().name(),
            "pinning": pinning(&auto),
            "huge_pages": machine::huge_pages(),
            "threads": auto.num_threads,
            "peak_gflops": measured.peak / 1e9,
            "peak_bf16_gflops": measured.peak_of_pairs / 1e9,
            "bandwidth_gb_per_s": measured.bandwidths.iter().map(Bandwidth::to_json).collect::<Vec<_>>(),
            "load": machine::line_of("/proc/loadavg"),
        })
    });
    Ok(())
}

/// Bytes a second of so many threads.
struct Bandwidth {
    threads: usize,
    bytes_per_s: f64,
}

impl Bandwidth {
    fn to_json(&self) -> Value {
        json!({ "threads": self.threads, "value": self.bytes_per_s / 1e9 })
    }
}

/// Peaks of this machine.
struct Measured {
    peak: f64,
    peak_of_pairs: f64,
    /// Of one thread, and of all.
    bandwidths: Vec<Bandwidth>,
}

impl Measured {
    fn on(auto: &Placement) -> Self {
        let [peak, peak_of_pairs] = [Precision::F32, Precision::Bf16].map(measured_peak_flops);
        let mut counts = vec![1, auto.num_running()];
        counts.dedup();
        let bandwidth = |threads| Bandwidth {
            threads,
            bytes_per_s: measured_bandwidth(threads),
        };
        Self {
            peak,
            peak_of_pairs,
            bandwidths: counts.into_iter().map(bandwidth).collect(),
        }
    }
}

/// What the trainer makes of it.
fn reached(auto: &Placement, measured: &Measured) -> Result<(), CommandError> {
    let isa = Isa::chosen().map_err(TrainError::from)?;
    say!(
        "kernels: {} (the processor's best: {})",
        isa.name(),
        Isa::detect().name()
    );
    say!("pinning: {}", pinning(auto));
    say!("huge pages: {}", machine::huge_pages());
    // Measured peaks.
    let (peak, peak_of_pairs) = (measured.peak, measured.peak_of_pairs);
    say!("peak of a core, measured: {}", gflops(peak));
    let times = peak_of_pairs / peak;
    let how = match Isa::detect() {
        Isa::Avx512Bf16 => "by the instruction for it",
        _ => "without an instruction for it: the same bits, and no gain",
    };
    say!(
        "peak in bf16: {}, {times:.2} of that in f32, {how}",
        gflops(peak_of_pairs)
    );
    for Bandwidth {
        threads,
        bytes_per_s,
    } in &measured.bandwidths
    {
        let of = match threads {
            1 => "one thread".to_owned(),
            several => format!("{several} threads"),
        };
        let gb_per_s = bytes_per_s / 1e9;
        say!("bandwidth of {of}, measured: {gb_per_s:.1} GB/s");
    }
    say!(
        "recommended: --threads auto, which takes {} here for all but tiny steps",
        auto.num_threads
    );
    // Recommendations.
    let shards = default_shards(1 << 20, 1);
    say!(
        "recommended: --shards auto up to {shards} threads; for more, as many shards as the most threads you will ever use"
    );
    if isa.name() != Isa::detect().name() {
        say!("note: UNISONO_ISA chooses slower kernels than the processor's best");
    }
    if let Some(load) = machine::line_of("/proc/loadavg") {
        say!("load: {load}");
    }
    Ok(())
}

/// Whether pinning works, or why not.
fn pinning(auto: &Placement) -> String {
    if auto.is_pinned() {
        return format!("works, to processors {:?}", auto.cores);
    }
    match Placement::of_process(auto.requested, Pinning::Always) {
        Ok(always) if always.is_pinned() => format!(
            "works, to processors {:?}; only with --pin, as the quota leaves cores to others",
            always.cores
        ),
        _ => format!("no: {}", cores::why_unconfirmed()),
    }
}

/// Or that it is not known.
fn known<T: ToString>(value: Option<T>) -> String {
    value.map_or("not known".to_owned(), |value| value.to_string())
}
