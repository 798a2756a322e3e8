//! The JSON line, with the keys of the other yardsticks.

use crate::args::{Args, Framework};
use crate::measure::Timing;

/// Versions come from here, so that the report cannot disagree with the build.
const LOCK: &str = include_str!("../Cargo.lock");

/// Formats the result. Names and versions hold no character that JSON escapes.
pub fn json_line(args: &Args, timing: &Timing) -> String {
    let package = match args.framework {
        Framework::Candle => "candle-core",
        Framework::Burn => "burn",
    };
    let gemm = if cfg!(feature = "avx512") {
        "avx512"
    } else {
        "default"
    };
    format!(
        "{{\"framework\": \"{}\", \"version\": \"{}\", \"gemm\": \"{gemm}\", \"workload\": \"{}\", \
         \"batch\": {}, \"threads\": {}, \"params\": {}, \"median_ms_per_step\": {:.4}, \
         \"min_ms_per_step\": {:.4}, \"samples_per_s\": {:.1}, \"steps\": {}, \
         \"first_loss\": {}, \"final_loss\": {}}}",
        args.framework.name(),
        locked_version(package),
        args.workload.name(),
        args.batch,
        args.threads,
        timing.num_params,
        timing.step_time_ms_p50,
        timing.step_time_ms_min,
        args.batch as f64 / timing.step_time_ms_p50 * 1e3,
        timing.steps,
        json_number(timing.first_loss),
        json_number(timing.final_loss),
    )
}

/// JSON has no NaN: a loss that diverged is `null`.
fn json_number(value: f32) -> String {
    if value.is_finite() {
        format!("{value:.4}")
    } else {
        "null".to_owned()
    }
}

fn locked_version(package: &str) -> &'static str {
    let head = format!("name = \"{package}\"\nversion = \"");
    LOCK.split_once(head.as_str())
        .and_then(|(_, rest)| rest.split('"').next())
        .expect("the lock file lists every dependency")
}
