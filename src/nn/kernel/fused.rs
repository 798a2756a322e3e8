//! Fused multiply-add, the same bits with every C library.
//!
//! # Why this way
//! Where a target has no instruction for it, `f32::mul_add` is a call of the C library's `fmaf`, and
//! that of MinGW rounds twice. A function that `multiversion` compiles for instruction sets that
//! have one must not call anything, so it says which of the two it is: [`is_fused`].

/// Whether every CPU of this target has the instruction.
pub(crate) const IN_BASELINE: bool = cfg!(any(
    target_feature = "fma",
    target_arch = "aarch64",
    target_arch = "loongarch64",
    target_arch = "powerpc64",
    target_arch = "riscv64",
));

/// Within a function with the attribute `multiversion`: whether it is compiled for the instruction.
macro_rules! is_fused {
    () => {{
        use multiversion::target::target_cfg_f;
        target_cfg_f!(target_feature = "fma") || $crate::nn::kernel::fused::IN_BASELINE
    }};
}
pub(crate) use is_fused;

/// `a * b + c`, rounded once: by the instruction if it `IS_FUSED`, else by `libm`, which takes the
/// instruction where the CPU has it.
#[inline(always)]
pub(crate) fn mul_add<const IS_FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if IS_FUSED {
        a.mul_add(b, c)
    } else {
        libm::fmaf(a, b, c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_next_to_the_middle_between_two_floats_is_rounded_once() {
        let power = |n: i32| f32::from_bits(((127 + n) as u32) << 23);
        // (1 + 2^-12) (1 - 2^-12 + 2^-24) is 1 + 2^-36. Rounded to `f64` first, the sum is the
        // middle between 1 and 1 + 2^-23, from where one goes on to 1.
        let a = power(-24) * (1.0 + power(-12));
        let b = 1.0 - power(-12) + power(-24);
        let twice = (f64::from(a) * f64::from(b) + 1.0) as f32;
        let once = 1.0 + f32::EPSILON;
        assert_eq!(twice, 1.0);
        for sign in [1.0, -1.0] {
            assert_eq!(mul_add::<false>(sign * a, b, sign), sign * once);
            assert_eq!(mul_add::<IN_BASELINE>(a, sign * b, sign), sign * once);
        }
    }

    #[multiversion::multiversion(targets("x86_64+avx2+fma"))]
    fn is_for_the_instruction() -> bool {
        is_fused!()
    }

    #[test]
    fn a_function_knows_what_it_is_compiled_for() {
        let has_it = crate::nn::Isa::available().len() > 1 || IN_BASELINE;
        assert_eq!(is_for_the_instruction(), has_it);
    }
}
