//! Systems and C libraries: functions of a library stay away from what is trained, calls of a system
//! stay in `sys`.

use std::path::Path;

use super::{shipped, sources};

/// Functions of the C library, whose last bits differ from one to another, or of the compiler's
/// runtime; `libm` has them in Rust. A fused multiply-add is a function where there is no
/// instruction.
const OF_THE_C_LIBRARY: [&str; 24] = [
    ".sin()",
    ".cos()",
    ".tan()",
    ".sin_cos()",
    ".asin()",
    ".acos()",
    ".atan()",
    ".atan2(",
    ".sinh()",
    ".cosh()",
    ".tanh()",
    ".ln()",
    ".log(",
    ".log2()",
    ".log10()",
    ".ln_1p()",
    ".exp()",
    ".exp2()",
    ".exp_m1()",
    ".powf(",
    ".powi(",
    ".cbrt()",
    ".hypot(",
    ".mul_add(",
];

/// What looks like one and is a method of this crate.
const METHODS: [&str; 3] = ["simd.mul_add(", "self.mul_add(", "model.tanh()"];

/// Files that call one: what they compute is only told, or they choose where it is an instruction.
const MAY_CALL: [(&str, &str); 5] = [
    ("nn/kernel/fused.rs", ".mul_add("),
    ("cli/lr.rs", ".log10()"),
    ("cli/runs.rs", ".powi("),
    ("study/batch_size/quadratic.rs", ".powf("),
    ("study/batch_size/report.rs", ".powf("),
];

/// Names of other crates through which such functions are called, and the one place where each may
/// stand, with what it is there for. All that these crates have but what is named here.
const THROUGH_CRATES: [(&str, &str); 10] = [
    // Of a rank test, and of a fit to measurements: told.
    ("statrs::", "stats/mann_whitney.rs"),
    ("nalgebra::", "stats/fit.rs"),
    // Their sines and cosines are rounded to `f32`; tests/it/same_bits.rs shows that each is the same
    // `f32` with every library.
    ("realfft::", "data/spectrogram.rs"),
    ("rustfft::", ""),
    ("num_traits", ""),
    ("num_complex", ""),
    // Of arrays.
    ("logspace(", ""),
    ("geomspace(", ""),
    // Filters of images that are made of sines, exponentials and powers.
    ("FilterType::Lanczos3", ""),
    ("FilterType::Gaussian", ""),
];

/// The one distribution that `rand_distr` draws with arithmetic alone.
const DRAWN_BY_ARITHMETIC: &str = "Uniform";

#[test]
fn what_a_training_computes_is_the_same_with_every_c_library() {
    for (path, text) in sources("src") {
        if path.ends_with("tests.rs") {
            continue;
        }
        let mut code = shipped(&text);
        for method in METHODS {
            code = code.replace(method, "");
        }
        for name in OF_THE_C_LIBRARY {
            let may = MAY_CALL.contains(&(relative(&path), name));
            assert!(
                may || !code.contains(name),
                "{} calls {name}",
                path.display()
            );
        }
        for (name, place) in THROUGH_CRATES {
            assert!(
                relative(&path) == place || !code.contains(name),
                "{} names {name}",
                path.display()
            );
        }
        for used in code.split("rand_distr::").skip(1) {
            let names = used.split(';').next().unwrap();
            assert_eq!(
                names,
                DRAWN_BY_ARITHMETIC,
                "{} draws by others",
                path.display()
            );
        }
    }
}

/// Below `src`.
fn relative(path: &Path) -> &str {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    path.strip_prefix(root).unwrap().to_str().unwrap()
}

/// What asks which system there is, or calls one in its own way.
const OF_A_SYSTEM: [&str; 14] = [
    "std::os::",
    "libc::",
    "rustix::",
    "winapi",
    "windows_sys",
    "core_affinity::",
    "signal_hook",
    "libloading::os",
    "cfg(unix",
    "cfg(windows",
    "not(unix",
    "not(windows",
    "target_os",
    "cfg!(unix",
];

/// Files that do: `sys`.
const SYSTEM: &str = "sys/";

#[test]
fn only_sys_calls_a_system_in_its_own_way() {
    for (path, text) in sources("src") {
        // Tests make links, pipes and sockets of their own.
        let is_test = path.ends_with("tests.rs");
        if relative(&path).starts_with(SYSTEM) || is_test {
            continue;
        }
        let code = shipped(&text);
        let code = code.split("\n#[cfg(all(test").next().unwrap();
        for name in OF_A_SYSTEM {
            assert!(!code.contains(name), "{} names {name}", path.display());
        }
    }
}
