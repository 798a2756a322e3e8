//! `unisono doctor`: hardware, chosen settings and measured peaks.

use crate::engine::{Pinning, Placement, Threads, default_shards};
use crate::nn::{Isa, Precision};
use crate::report::Machine;
use crate::study::{measured_bandwidth, measured_peak_flops};
use crate::sys::{cores, machine};
use crate::train::TrainError;

use super::error::CommandError;

pub(super) fn doctor() -> Result<(), CommandError> {
    let auto = Placement::of_process(Threads::Auto, Pinning::Auto).map_err(TrainError::from)?;
    // Hardware, and what of it this process may use.
    for (name, value) in Machine::this().facts() {
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
    reached(&auto)
}

/// What the trainer makes of it.
fn reached(auto: &Placement) -> Result<(), CommandError> {
    let isa = Isa::chosen().map_err(TrainError::from)?;
    say!(
        "kernels: {} (the processor's best: {})",
        isa.name(),
        Isa::detect().name()
    );
    say!("pinning: {}", pinning(auto));
    say!("huge pages: {}", machine::huge_pages());
    // Measured peaks.
    let [peak, peak_of_pairs] = [Precision::F32, Precision::Bf16].map(measured_peak_flops);
    let running = auto.num_running();
    say!("peak of a core, measured: {:.1} GFLOP/s", peak / 1e9);
    let times = peak_of_pairs / peak;
    let how = match Isa::detect() {
        Isa::Avx512Bf16 => "by the instruction for it",
        _ => "without an instruction for it: the same bits, and no gain",
    };
    say!(
        "peak in bf16: {:.1} GFLOP/s, {times:.2} of that in f32, {how}",
        peak_of_pairs / 1e9
    );
    say!(
        "bandwidth of one thread, measured: {:.1} GB/s",
        measured_bandwidth(1) / 1e9
    );
    if running > 1 {
        say!(
            "bandwidth of {running} threads, measured: {:.1} GB/s",
            measured_bandwidth(running) / 1e9
        );
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
