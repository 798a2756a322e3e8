//! `unisono doctor`: hardware, chosen settings and measured peaks.

use std::fs;

use crate::engine::{Pinning, Placement, Threads, default_shards};
use crate::nn::{Isa, Precision};
use crate::report::{Machine, line_of};
use crate::study::{measured_bandwidth, measured_peak_flops};
use crate::train::TrainError;

use super::error::CommandError;

pub(super) fn doctor() -> Result<(), CommandError> {
    let auto = Placement::of_process(Threads::Auto, Pinning::Auto).map_err(TrainError::from)?;
    // Hardware, and what of it this process may use.
    for (name, value) in Machine::this().facts() {
        say!("{name}: {value}");
    }
    say!(
        "logical processors: {}",
        processors().map_or("not known".to_owned(), |count| count.to_string())
    );
    say!(
        "affinity mask and quota leave: {} cores",
        auto.num_usable_cores
    );
    say!("cgroup quota: {}", quota().unwrap_or("none".to_owned()));
    say!(
        "SMT siblings of processor 0: {}",
        line_of("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list")
            .unwrap_or("not known".to_owned())
    );
    say!(
        "NUMA nodes: {}",
        numa_nodes().map_or("not known".to_owned(), |count| count.to_string())
    );
    for (name, size) in caches() {
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
    say!("huge pages: {}", huge_pages());
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
    if let Some(load) = line_of("/proc/loadavg") {
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
        _ => "no: the system does not confirm it".to_owned(),
    }
}

/// Whether large memory lies on huge pages, or why not.
fn huge_pages() -> &'static str {
    let setting = line_of("/sys/kernel/mm/transparent_hugepage/enabled");
    match setting.as_deref() {
        Some(text) if text.contains("[always]") => "for every program",
        Some(text) if text.contains("[madvise]") => "for programs that ask, as this one does",
        Some(text) if text.contains("[never]") => {
            "no: /sys/kernel/mm/transparent_hugepage/enabled says never; steps are a few percent slower than with madvise"
        }
        _ => "not known",
    }
}

fn processors() -> Option<usize> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    Some(
        text.lines()
            .filter(|line| line.starts_with("processor"))
            .count(),
    )
}

/// The quota of this process's cgroup, in cores.
fn quota() -> Option<String> {
    let text = line_of("/sys/fs/cgroup/cpu.max")?;
    let (quota, period) = text.split_once(' ')?;
    let (quota, period): (f64, f64) = (quota.parse().ok()?, period.parse().ok()?);
    Some(format!("{:.2} cores", quota / period))
}

fn numa_nodes() -> Option<usize> {
    let entries = fs::read_dir("/sys/devices/system/node").ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let is_node = |name: &String| {
        name.strip_prefix("node")
            .is_some_and(|rest| rest.parse::<u32>().is_ok())
    };
    Some(names.filter(is_node).count())
}

/// Level and kind, and size, of each cache of the first core.
fn caches() -> Vec<(String, String)> {
    let cache = |index: usize| {
        let of = |file: &str| {
            line_of(&format!(
                "/sys/devices/system/cpu/cpu0/cache/index{index}/{file}"
            ))
        };
        let kind = of("type")?.to_lowercase();
        Some((format!("L{} ({kind})", of("level")?), of("size")?))
    };
    (0..8).map_while(cache).collect()
}
