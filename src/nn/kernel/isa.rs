//! Instruction sets: which ones there are, and which one the kernels use, chosen at run time: the
//! fastest that the CPU has, or the one that `UNISONO_ISA` names.

use std::sync::OnceLock;

#[cfg(target_arch = "x86_64")]
use super::x86::{Avx2, Avx512, Avx512Bf16};
use crate::meant::nearest;
use crate::nn::error::NnError;

/// An instruction set for which the kernels are compiled. All of them give the same bits.
///
/// ```
/// use unisono::nn::Isa;
/// assert_eq!(Isa::available()[0], Isa::Portable);
/// assert_eq!(Isa::available().last(), Some(&Isa::detect()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Isa {
    /// Whatever the compiler's target offers; fused multiply-adds may be function calls.
    Portable,
    /// NEON, which every ARM64 has: vectors of 4.
    Neon,
    /// AVX2 with FMA: vectors of 8.
    Avx2,
    /// AVX-512F: vectors of 16.
    Avx512,
    /// The same with dot products of bfloat16 (Cooper Lake, Sapphire Rapids, Zen 4 and later).
    Avx512Bf16,
}

impl Isa {
    /// Those that this CPU can run, slowest first.
    pub fn available() -> Vec<Isa> {
        let found = Self::EACH.into_iter().filter(|isa| isa.is_available());
        found.collect()
    }

    /// Whether this CPU can run it.
    fn is_available(self) -> bool {
        match self {
            Isa::Portable => true,
            Isa::Neon => cfg!(target_arch = "aarch64"),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => Avx2::detect().is_some(),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => Avx512::detect().is_some(),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Bf16 => Avx512Bf16::detect().is_some(),
            #[cfg(not(target_arch = "x86_64"))]
            Isa::Avx2 | Isa::Avx512 | Isa::Avx512Bf16 => false,
        }
    }

    /// The architecture it belongs to, as [`std::env::consts::ARCH`] calls it, if to one.
    fn architecture(self) -> Option<&'static str> {
        match self {
            Isa::Portable => None,
            Isa::Neon => Some("aarch64"),
            Isa::Avx2 | Isa::Avx512 | Isa::Avx512Bf16 => Some("x86_64"),
        }
    }

    /// Every one that the kernels are written for, on whatever processor, slowest first.
    pub const ALL: &'static [Isa] = &Self::EACH;

    /// The same, in number.
    pub(crate) const EACH: [Isa; 5] = [
        Isa::Portable,
        Isa::Neon,
        Isa::Avx2,
        Isa::Avx512,
        Isa::Avx512Bf16,
    ];

    /// The one that the environment variable `UNISONO_ISA` names, or else the fastest that this CPU
    /// can run.
    ///
    /// # Errors
    /// [`NnError::Isa`] if it names none, or one that this CPU lacks; [`NnError::IsaElsewhere`] if
    /// one of other processors.
    pub fn chosen() -> Result<Isa, NnError> {
        match std::env::var_os("UNISONO_ISA") {
            None => Ok(Isa::detect()),
            Some(name) => Isa::named(&name.to_string_lossy()),
        }
    }

    /// The same instruction set, if this CPU can run it.
    ///
    /// # Errors
    /// [`NnError::IsaGiven`].
    pub(crate) fn given(self) -> Result<Isa, NnError> {
        if self.is_available() {
            return Ok(self);
        }
        let (available, got) = (Isa::available_names(), self.name().to_owned());
        Err(NnError::IsaGiven { available, got })
    }

    /// The names of those that this CPU can run, in a text.
    fn available_names() -> String {
        let available = Isa::available();
        let names: Vec<_> = available.iter().map(|isa| isa.name()).collect();
        names.join(", ")
    }

    /// The one called `name`, if this CPU can run it.
    fn named(name: &str) -> Result<Isa, NnError> {
        let found = Isa::EACH.into_iter().find(|isa| isa.name() == name);
        if let Some(isa) = found.filter(|isa| isa.is_available()) {
            return Ok(isa);
        }
        let (available, got) = (Isa::available_names(), name.to_owned());
        let here = std::env::consts::ARCH;
        Err(match found.and_then(Isa::architecture) {
            Some(processor) if processor != here => NnError::IsaElsewhere {
                available,
                processor,
                got,
            },
            _ => NnError::Isa {
                meant: nearest(name, Isa::available().iter().map(|isa| isa.name())),
                available,
                got,
            },
        })
    }

    /// The fastest that this CPU can run.
    pub fn detect() -> Isa {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| Isa::available().pop().unwrap_or(Isa::Portable))
    }

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            Isa::Neon => "neon",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
            Isa::Avx512Bf16 => "avx512bf16",
        }
    }

    /// Rows of the micro-kernel's tile: with the columns, as many accumulators as the registers
    /// hold.
    pub fn tile_rows(self) -> usize {
        match self {
            Isa::Portable | Isa::Neon | Isa::Avx2 => 6,
            Isa::Avx512 | Isa::Avx512Bf16 => 12,
        }
    }

    /// Columns of the tile for a result of `columns` columns: half a tile where the other half
    /// would be empty.
    pub fn tile_columns(self, columns: usize) -> usize {
        match self {
            Isa::Portable | Isa::Neon | Isa::Avx2 => 16,
            Isa::Avx512 | Isa::Avx512Bf16 if columns <= 16 => 16,
            Isa::Avx512 | Isa::Avx512Bf16 => 32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_the_last_available() {
        assert_eq!(Isa::available().last(), Some(&Isa::detect()));
        assert_eq!(Isa::available()[0], Isa::Portable);
    }

    #[test]
    fn an_instruction_set_is_chosen_by_name_or_refused() {
        for isa in Isa::available() {
            assert_eq!(Isa::named(isa.name()), Ok(isa));
        }
        let error = Isa::named("mmx").unwrap_err().to_string();
        assert!(
            error.starts_with("UNISONO_ISA must be one of portable")
                && error.ends_with("got \"mmx\""),
            "{error}"
        );
        // Another processor's is named as such, and those that there are here with it.
        let (elsewhere, processor) = if cfg!(target_arch = "aarch64") {
            ("avx2", "x86_64")
        } else {
            ("neon", "aarch64")
        };
        let error = Isa::named(elsewhere).unwrap_err().to_string();
        let expected = format!(
            "UNISONO_ISA names kernels of {processor} processors, {elsewhere:?}; on this machine expected one of portable"
        );
        assert!(
            error.starts_with(&expected) && error.ends_with("or unset"),
            "{error}"
        );
    }
}
