//! Vectors of f32 as the micro-kernels see them, and the portable one.
//!
//! # Why this way
//! Plain loops over `[[f32; N]; M]` vectorise for some tile shapes and collapse to scalars for
//! others: a 12 x 16 tile ran at 1 GFLOP/s where 12 x 32 ran at 106 (rustc 1.95). Explicit vectors
//! leave nothing to luck.

/// A vector of [`Simd::LANES`] values; one lane never meets another.
pub(crate) trait Simd: Copy {
    /// Values in a vector.
    const LANES: usize;

    /// Whether panels are asked for before they are read. AVX2's half as many values a step leave
    /// the hardware the time: without asking it is 2 to 5 % faster where another thread shares the
    /// core, and the same alone (2026-11, Zen 3).
    const ASKS_AHEAD: bool;

    /// Whether chains take four steps of the depth in a turn: fewer instructions, of which two
    /// threads of a core have no more than one has. 2 to 8 % faster there, the same alone (AVX2 on
    /// Zen 3); AVX-512's tiles are slower for it (Sapphire Rapids).
    const TAKES_FOUR: bool;

    /// The same value in every lane.
    fn splat(value: f32) -> Self;

    /// The first values of `from`, which has at least [`Simd::LANES`].
    fn load(from: &[f32]) -> Self;

    /// Writes the lanes to the front of `to`, which has room for them.
    fn store(self, to: &mut [f32]);

    /// `self * by + sum`, rounded once.
    fn mul_add(self, by: Self, sum: Self) -> Self;

    /// `self + other`.
    fn add(self, other: Self) -> Self;

    /// Asks for the cache line that is `ahead` values behind the front of `from`; there need not be
    /// any.
    fn prefetch(from: &[f32], ahead: usize);

    /// The same, into L2: for what is read much later.
    fn prefetch_far(from: &[f32], ahead: usize);
}

/// Eight lanes in whatever the compiler's target offers.
#[derive(Clone, Copy)]
pub(crate) struct Portable([f32; 8]);

impl Simd for Portable {
    const LANES: usize = 8;
    const ASKS_AHEAD: bool = false;
    const TAKES_FOUR: bool = false;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; 8])
    }

    #[inline(always)]
    fn load(from: &[f32]) -> Self {
        Self(*from.first_chunk().expect("a whole vector"))
    }

    #[inline(always)]
    fn store(self, to: &mut [f32]) {
        to[..8].copy_from_slice(&self.0);
    }

    #[inline(always)]
    fn mul_add(self, by: Self, sum: Self) -> Self {
        Self(std::array::from_fn(|i| {
            self.0[i].mul_add(by.0[i], sum.0[i])
        }))
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }

    #[inline(always)]
    fn prefetch(_: &[f32], _: usize) {}

    #[inline(always)]
    fn prefetch_far(_: &[f32], _: usize) {}
}

/// A tile of a result in registers: M rows of N vectors.
pub(crate) type Tile<V, const M: usize, const N: usize> = [[V; N]; M];

/// Values by which a panel is asked for ahead: 2 KiB. Panels deeper than L1 stream from L2, and the
/// hardware's own prefetching leaves products waiting: 5 to 25 % of them, by shape (2026-11,
/// Sapphire Rapids; 1 and 2 KiB are alike).
const AHEAD: usize = 512;

/// Floats in a cache line.
const LINE: usize = 16;

/// The widest row of a tile, of which all others are divisors.
pub(super) const WIDEST: usize = 32;

// Loops and not `array::from_fn`: its closure is compiled without the caller's target features when
// it is not inlined, and every load in it becomes a call (seen at 2 % of an LSTM's step).

/// The N vectors at the front of `from`.
#[inline(always)]
pub(crate) fn vectors<V: Simd, const N: usize>(from: &[f32]) -> [V; N] {
    let from = &from[..N * V::LANES];
    let mut vectors = [V::splat(0.0); N];
    for v in 0..N {
        vectors[v] = V::load(&from[v * V::LANES..]);
    }
    vectors
}

/// The same, of a panel that is read in order; asks for what comes later.
#[inline(always)]
pub(crate) fn streamed<V: Simd, const N: usize>(from: &[f32]) -> [V; N] {
    if V::ASKS_AHEAD {
        for line in 0..(N * V::LANES).div_ceil(LINE) {
            V::prefetch(from, AHEAD + LINE * line);
        }
    }
    vectors(from)
}

/// Asks for the lines of a tile that will be stored at the front of `c`: rows lie far apart, and
/// when all of a tile's stores miss at its end the next one waits. Folds of shards of 8 rows 1.08
/// to 1.14, where another thread shares the core more (2026-11, Zen 3).
#[inline(always)]
pub(crate) fn ask_for<V: Simd, const M: usize, const N: usize>(c: &[f32], stride: usize) {
    let last = N * V::LANES - 1;
    for i in 0..M {
        for line in 0..=last.div_ceil(LINE) {
            V::prefetch(c, i * stride + (LINE * line).min(last));
        }
    }
}

/// Every row of the tile starts at `values`, filled up with zeros.
#[inline(always)]
pub(crate) fn rows_of<V: Simd, const M: usize, const N: usize>(values: &[f32]) -> Tile<V, M, N> {
    let mut row = [0.0; WIDEST];
    let len = values.len().min(N * V::LANES);
    row[..len].copy_from_slice(&values[..len]);
    [vectors(&row); M]
}

/// Loads a tile that begins at the front of `c`, and of which `shape`, rows and columns, are in the
/// matrix.
#[inline(always)]
pub(crate) fn load<V: Simd, const M: usize, const N: usize>(
    c: &[f32],
    stride: usize,
    shape: (usize, usize),
) -> Tile<V, M, N> {
    if shape != (M, N * V::LANES) {
        return load_part(c, stride, shape);
    }
    let mut tile = [[V::splat(0.0); N]; M];
    for i in 0..M {
        tile[i] = vectors(&c[i * stride..]);
    }
    tile
}

/// Stores what of a tile is in the matrix; `c` begins at its first element.
#[inline(always)]
pub(crate) fn store<V: Simd, const M: usize, const N: usize>(
    tile: &Tile<V, M, N>,
    c: &mut [f32],
    stride: usize,
    shape: (usize, usize),
) {
    if shape != (M, N * V::LANES) {
        return store_part(tile, c, stride, shape);
    }
    for i in 0..M {
        let row = &mut c[i * stride..][..N * V::LANES];
        for v in 0..N {
            tile[i][v].store(&mut row[v * V::LANES..]);
        }
    }
}

/// A tile at the edge, of which `rows` x `columns` elements are in the matrix.
#[inline(always)]
fn load_part<V: Simd, const M: usize, const N: usize>(
    c: &[f32],
    stride: usize,
    (rows, columns): (usize, usize),
) -> Tile<V, M, N> {
    let mut tile = [[V::splat(0.0); N]; M];
    let mut row = [0.0; WIDEST];
    for (i, to) in tile.iter_mut().enumerate().take(rows) {
        row[..columns].copy_from_slice(&c[i * stride..][..columns]);
        *to = vectors(&row);
    }
    tile
}

/// Stores the part of a tile that is in the matrix.
#[inline(always)]
fn store_part<V: Simd, const M: usize, const N: usize>(
    tile: &Tile<V, M, N>,
    c: &mut [f32],
    stride: usize,
    (rows, columns): (usize, usize),
) {
    let mut row = [0.0; WIDEST];
    for (i, from) in tile.iter().enumerate().take(rows) {
        for v in 0..N {
            from[v].store(&mut row[v * V::LANES..]);
        }
        c[i * stride..][..columns].copy_from_slice(&row[..columns]);
    }
}

/// `tile[i][j] = fma(a[p][i], b[p][j], tile[i][j])` for p = 0, 1, 2, ..., with the M of the W rows
/// of `a` that are its part number `part`.
#[inline(always)]
pub(crate) fn chain<V: Simd, const W: usize, const M: usize, const N: usize>(
    mut tile: Tile<V, M, N>,
    (a, part): (&[[f32; W]], usize),
    b: &[f32],
) -> Tile<V, M, N> {
    let width = N * V::LANES;
    let (fours, others) = if V::TAKES_FOUR {
        a.as_chunks::<4>()
    } else {
        (&[][..], a)
    };
    let (front, rest) = b.split_at(4 * fours.len() * width);
    for (a, b) in fours.iter().zip(front.chunks_exact(4 * width)) {
        for q in 0..4 {
            step(
                &mut tile,
                &a[q].as_chunks().0[part],
                streamed(&b[q * width..]),
            );
        }
    }
    for (a, b) in others.iter().zip(rest.chunks_exact(width)) {
        step(&mut tile, &a.as_chunks().0[part], streamed(b));
    }
    tile
}

/// One step of every chain of a tile.
#[inline(always)]
fn step<V: Simd, const M: usize, const N: usize>(
    tile: &mut Tile<V, M, N>,
    a: &[f32; M],
    b: [V; N],
) {
    for i in 0..M {
        let a = V::splat(a[i]);
        for v in 0..N {
            tile[i][v] = a.mul_add(b[v], tile[i][v]);
        }
    }
}

/// A panel, and what is read after it: at each step of the depth the next of its lines, `stride`
/// values apart, is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Panel<'a> {
    values: &'a [f32],
    after: (&'a [f32], usize),
}

impl<'a> Panel<'a> {
    /// Before nothing: its own first line is asked for.
    #[inline(always)]
    pub(crate) fn new(values: &'a [f32]) -> Self {
        Self {
            values,
            after: (values, 0),
        }
    }

    /// Before lines that begin at `after`, if there are any.
    #[inline(always)]
    pub(crate) fn before(self, after: Option<(&'a [f32], usize)>) -> Self {
        Self {
            after: after.unwrap_or(self.after),
            ..self
        }
    }
}

/// The same with `a` as M rows that lie where they are: row i is the `depth` values from `bases[i]`
/// on. With `ASKS` what comes after the panel is asked for.
#[inline(always)]
pub(crate) fn row_chain<V: Simd, const M: usize, const N: usize, const ASKS: bool>(
    mut tile: Tile<V, M, N>,
    (a, bases): (&[f32], &[usize; M]),
    b: Panel<'_>,
    depth: usize,
) -> Tile<V, M, N> {
    let width = N * V::LANES;
    let fours = if V::TAKES_FOUR { depth / 4 } else { 0 };
    let others = depth - 4 * fours;
    let mut fronts: [&[[f32; 4]]; M] = [&[]; M];
    let mut rests: [&[f32]; M] = [&[]; M];
    for i in 0..M {
        let (front, rest) = a[bases[i]..][..depth].split_at(4 * fours);
        (fronts[i], rests[i]) = (&front.as_chunks().0[..fours], &rest[..others]);
    }
    let (front, rest) = b.values.split_at(4 * fours * width);
    let (after, stride) = b.after;
    for (p, b) in front.chunks_exact(4 * width).enumerate().take(fours) {
        for q in 0..4 {
            let mut a = [0.0; M];
            for i in 0..M {
                a[i] = fronts[i][p][q];
            }
            if ASKS {
                V::prefetch_far(after, (4 * p + q) * stride);
            }
            step(&mut tile, &a, streamed(&b[q * width..]));
        }
    }
    for (p, b) in rest.chunks_exact(width).enumerate().take(others) {
        let mut a = [0.0; M];
        for i in 0..M {
            a[i] = rests[i][p];
        }
        if ASKS {
            V::prefetch_far(after, (4 * fours + p) * stride);
        }
        step(&mut tile, &a, streamed(b));
    }
    tile
}

/// `tile[i][j] = fma(a[i], b[j], tile[i][j])` for one pair of rows after another, which lie where
/// they are.
#[inline(always)]
pub(crate) fn pair_chain<'a, V: Simd, const M: usize, const N: usize>(
    mut tile: Tile<V, M, N>,
    pairs: impl Iterator<Item = (&'a [f32], &'a [f32])>,
) -> Tile<V, M, N> {
    for (a, b) in pairs {
        let a = a
            .first_chunk()
            .expect("as many values as the tile has rows");
        step(&mut tile, a, vectors(b));
    }
    tile
}
