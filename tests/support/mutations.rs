//! Random mutations of files.

use unisono::seed::{Purpose, Stream};

/// Random bytes, and mutations of `good`: bytes changed, parts cut out, doubled, or lost at the
/// end.
pub(crate) fn mutations(good: &[u8], count: u32) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..count).map(move |round| {
        let mut random = Stream::new(42, Purpose::Synthetic, round, 9);
        if round % 10 == 0 {
            return (0..random.below(300))
                .map(|_| random.below(256) as u8)
                .collect();
        }
        let mut odd = good.to_vec();
        for _ in 0..1 + random.below(4) {
            if odd.is_empty() {
                break;
            }
            let at = random.below(odd.len() as u32) as usize;
            let end = (at + 1 + random.below(19) as usize).min(odd.len());
            match random.below(8) {
                0 => odd.truncate(at),
                1 => drop(odd.drain(at..end)),
                2 => odd.extend_from_within(at..end),
                3 => odd[at] = 0xff,
                4 => odd[at] = 0,
                _ => odd[at] ^= 1 << random.below(8),
            }
        }
        odd
    })
}
