//! Processor, caches and system of this machine, as far as they are told.

use std::fs;
#[cfg(any(feature = "run", feature = "study"))]
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sysinfo::{CpuRefreshKind, RefreshKind, System};

/// A file of the system that holds a line.
pub(crate) fn line_of(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

/// Seconds from 1970 to the end of the year 9999: what a date has room for.
#[cfg(any(feature = "run", feature = "study"))]
const LAST_SECOND: Duration = Duration::from_secs(253_402_300_799);

/// The time, or the nearest one that is a date: a clock may be set to any.
#[cfg(any(feature = "run", feature = "study"))]
pub(crate) fn now() -> SystemTime {
    as_date(SystemTime::now())
}

#[cfg(any(feature = "run", feature = "study"))]
fn as_date(time: SystemTime) -> SystemTime {
    time.clamp(UNIX_EPOCH, UNIX_EPOCH + LAST_SECOND)
}

/// The processor's name; of an ARM one that of its cores, by the numbers of implementer and part
/// where there is no name for them.
pub(crate) fn cpu() -> Option<String> {
    let list = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing());
    let system = System::new_with_specifics(list).ok()?;
    let name = system.cpus().first()?.brand().trim().to_owned();
    let is_told = !name.is_empty();
    let numbers = || numbers_of(&fs::read_to_string("/proc/cpuinfo").ok()?);
    is_told.then_some(name).or_else(numbers)
}

/// `implementer 0x41, part 0xd0c` of an ARM processor.
fn numbers_of(cpuinfo: &str) -> Option<String> {
    let value = |key: &str| {
        let line = cpuinfo.lines().find(|line| line.starts_with(key))?;
        Some(line.split_once(':')?.1.trim())
    };
    let (implementer, part) = (value("CPU implementer")?, value("CPU part")?);
    Some(format!("implementer {implementer}, part {part}"))
}

/// The system's name and version.
pub(crate) fn system() -> Option<String> {
    if cfg!(target_os = "linux") {
        let release = line_of("/proc/sys/kernel/osrelease")?;
        return Some(format!("Linux {release}"));
    }
    System::long_os_version().ok()
}

/// The rule by which the processor's clock is set (Linux).
pub(crate) fn clock_governor() -> Option<String> {
    line_of("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
}

/// Logical processors of the machine.
#[cfg(feature = "cli")]
pub(crate) fn num_processors() -> Option<usize> {
    let list = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing());
    let system = System::new_with_specifics(list).ok()?;
    Some(system.cpus().len()).filter(|&count| count > 0)
}

/// The quota of this process's control group, in cores: `none` where there is no such group.
#[cfg(feature = "cli")]
pub(crate) fn quota() -> Option<f64> {
    let text = line_of("/sys/fs/cgroup/cpu.max")?;
    let (quota, period) = text.split_once(' ')?;
    let (quota, period): (f64, f64) = (quota.parse().ok()?, period.parse().ok()?);
    Some(quota / period)
}

/// Processors that share a physical core with the first one, itself among them (Linux).
#[cfg(feature = "cli")]
pub(crate) fn siblings() -> Option<String> {
    line_of("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list")
}

/// Nodes of memory (Linux).
#[cfg(feature = "cli")]
pub(crate) fn numa_nodes() -> Option<usize> {
    let entries = fs::read_dir("/sys/devices/system/node").ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let is_node = |name: &String| {
        name.strip_prefix("node")
            .is_some_and(|rest| rest.parse::<u32>().is_ok())
    };
    Some(names.filter(is_node).count())
}

/// Level and kind, and size, of each cache of the first core (Linux).
#[cfg(feature = "cli")]
pub(crate) fn caches() -> Vec<(String, String)> {
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

/// Whether large memory lies on huge pages, or why not.
#[cfg(feature = "cli")]
pub(crate) fn huge_pages() -> &'static str {
    let setting = line_of("/sys/kernel/mm/transparent_hugepage/enabled");
    match setting.as_deref() {
        Some(text) if text.contains("[always]") => "for every program",
        Some(text) if text.contains("[madvise]") => "for programs that ask, as this one does",
        Some(text) if text.contains("[never]") => {
            "no: /sys/kernel/mm/transparent_hugepage/enabled says never; steps are a few percent slower than with madvise"
        }
        _ if cfg!(target_os = "linux") => "not known",
        _ => "not asked for on this system",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(any(feature = "run", feature = "study"))]
    fn a_clock_before_1970_or_after_9999_is_no_panic() {
        let text = |time| humantime::format_rfc3339_seconds(as_date(time)).to_string();
        let day = Duration::from_secs(86_400);
        assert_eq!(text(UNIX_EPOCH - day), "1970-01-01T00:00:00Z");
        assert_eq!(text(UNIX_EPOCH + day), "1970-01-02T00:00:00Z");
        assert_eq!(text(UNIX_EPOCH + LAST_SECOND + day), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn a_core_of_arm_without_a_name_is_told_by_its_numbers() {
        let cpuinfo =
            "processor\t: 0\nCPU implementer\t: 0xff\nCPU part\t: 0xd0c\n\nprocessor\t: 1\n";
        let expected = Some("implementer 0xff, part 0xd0c".to_owned());
        assert_eq!(numbers_of(cpuinfo), expected);
        assert_eq!(numbers_of("model name\t: some"), None);
    }
}
