//! Machine: processor, cores, system, compiler and commit.

use serde::{Deserialize, Serialize};

use crate::engine::{Pinning, Placement, Threads};
use crate::nn::kernel::Isa;
use crate::sys::machine;

/// The machine and the program, as far as they can be told.
///
/// ```
/// use unisono::report::Machine;
/// let machine = Machine::this();
/// assert!(machine.usable_cores >= 1 && machine.rustc.starts_with("rustc "));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Machine {
    /// The processor's name.
    pub cpu: Option<String>,
    /// Cores that this process may use.
    pub usable_cores: usize,
    /// Whether threads are pinned when there is a core for each.
    pub can_pin: bool,
    /// The instruction set of the kernels.
    pub instruction_set: Option<String>,
    /// The operating system's name and version.
    pub system: Option<String>,
    /// The rule by which the processor's clock is set.
    pub clock_governor: Option<String>,
    /// The compiler.
    pub rustc: String,
    /// The version of this crate.
    pub unisono: String,
    /// The commit it was built from, with `+` for changes that were not committed.
    pub commit: String,
}

impl Machine {
    /// This one.
    pub fn this() -> Self {
        let placement = Placement::of_process(Threads::Fixed(1), Pinning::Always).ok();
        Self {
            cpu: machine::cpu(),
            usable_cores: placement.as_ref().map_or(1, |found| found.num_usable_cores),
            can_pin: placement.is_some_and(|found| found.is_pinned()),
            instruction_set: Isa::chosen().ok().map(|isa| isa.name().to_owned()),
            system: machine::system(),
            clock_governor: machine::clock_governor(),
            rustc: env!("UNISONO_RUSTC").to_owned(),
            unisono: env!("CARGO_PKG_VERSION").to_owned(),
            commit: env!("UNISONO_COMMIT").to_owned(),
        }
    }

    /// Names and values, for tables.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let or_none = |value: &Option<String>| value.clone().unwrap_or("not known".to_owned());
        vec![
            ("processor", or_none(&self.cpu)),
            ("usable cores", self.usable_cores.to_string()),
            (
                "pinning",
                if self.can_pin { "yes" } else { "no" }.to_owned(),
            ),
            ("instruction set", or_none(&self.instruction_set)),
            ("system", or_none(&self.system)),
            ("clock governor", or_none(&self.clock_governor)),
            ("compiler", self.rustc.clone()),
            (
                "unisono",
                format!("{}, commit {}", self.unisono, self.commit),
            ),
        ]
    }
}
