//! Augmentation of images: each row of each epoch is changed in its own way, a function of (seed, epoch, row) alone, so it is the
//! same for any number of workers.
//!
//! | step | what |
//! |---|---|
//! | shift | by up to so many pixels each way |
//! | rotate, scale | about the centre: one bilinear sampling together with the shift |
//! | flip | left and right, half of the time |
//! | cutout | a square of background, somewhere |
//!
//! # References
//! DeVries, Taylor: "Improved regularization of convolutional neural networks with cutout", 2017.

use multiversion::multiversion;
use ndarray_rand::rand::Rng;

use crate::seed::{Purpose, Stream};

use super::dataset::{Dataset, Labels, LabelsMut};
use super::error::DataError;
use super::images::{ImageDataset, ImageShape};

/// What may happen to an image.
///
/// ```
/// use unisono::data::Augmentation;
/// let augmentation = Augmentation { shift: 2.0, rotate: 10.0, ..Augmentation::default() };
/// assert!(augmentation.check().is_ok());
/// assert!(Augmentation { scale: 1.5, ..augmentation }.check().is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Augmentation {
    /// Pixels each way, at least 0, not whole ones only.
    pub shift: f32,
    /// Degrees each way, in 0..=180.
    pub rotate: f32,
    /// The share by which it grows or shrinks at most, in 0..1.
    pub scale: f32,
    /// Whether left and right may change places.
    pub flip: bool,
    /// The edge of the square that is cut out, in pixels; 0 for none.
    pub cutout: usize,
}

impl Augmentation {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`DataError::Augmentation`].
    pub fn check(&self) -> Result<(), DataError> {
        let cases = [
            (
                "shift",
                "at least 0",
                self.shift,
                self.shift >= 0.0 && self.shift.is_finite(),
            ),
            (
                "rotate",
                "in 0..=180",
                self.rotate,
                (0.0..=180.0).contains(&self.rotate),
            ),
            (
                "scale",
                "at least 0 and below 1",
                self.scale,
                (0.0..1.0).contains(&self.scale),
            ),
        ];
        let odd = cases.into_iter().find(|case| !case.3);
        odd.map_or(Ok(()), |(name, range, got, _)| {
            Err(DataError::Augmentation { name, range, got })
        })
    }

    /// Whether pixels move.
    fn moves(&self) -> bool {
        self.shift > 0.0 || self.rotate > 0.0 || self.scale > 0.0
    }
}

/// Images that every epoch of training sees augmented; evaluation sees them as they are.
#[derive(Clone, Debug)]
pub struct Augmented {
    images: ImageDataset,
    augmentation: Augmentation,
    seed: u64,
    background: Vec<f32>,
}

impl Augmented {
    /// Augments `images`.
    ///
    /// # Errors
    /// Those of [`Augmentation::check`].
    pub fn new(
        images: ImageDataset,
        augmentation: Augmentation,
        seed: u64,
    ) -> Result<Self, DataError> {
        augmentation.check()?;
        Ok(Self {
            background: images.background(),
            images,
            augmentation,
            seed,
        })
    }

    /// The image of `row` in `epoch`, from `plain` to `image`.
    fn change(&self, (epoch, row): (u32, u32), plain: &[f32], image: &mut [f32]) {
        let (shape, what) = (self.images.shape(), self.augmentation);
        let mut random = self.random(epoch, row);
        let mut within = |most: f32| most * (2.0 * random.random::<f32>() - 1.0);
        let place = Placement {
            angle: within(what.rotate).to_radians(),
            size: 1.0 + within(what.scale),
            shift: (within(what.shift), within(what.shift)),
        };
        if what.moves() {
            sample(shape, plain, image, (&place, &self.background));
        } else {
            image.copy_from_slice(plain);
        }
        if what.flip && random.random::<bool>() {
            for row in image.chunks_exact_mut(shape.width * shape.channels) {
                for x in 0..shape.width / 2 {
                    for c in 0..shape.channels {
                        let other = (shape.width - 1 - x) * shape.channels + c;
                        row.swap(x * shape.channels + c, other);
                    }
                }
            }
        }
        if what.cutout > 0 {
            let centre = (
                random.random_range(0..shape.height),
                random.random_range(0..shape.width),
            );
            self.cut_out(centre, image);
        }
    }

    fn random(&self, epoch: u32, row: u32) -> Stream {
        // A stream takes 48 bits of place: the low half of the epoch, and the row.
        Stream::new(self.seed, Purpose::Augment, row, epoch as u16)
    }

    fn cut_out(&self, (y, x): (usize, usize), image: &mut [f32]) {
        let (shape, half) = (self.images.shape(), self.augmentation.cutout / 2);
        let size = self.augmentation.cutout;
        let range = |at: usize, len: usize| at.saturating_sub(half)..(at + size - half).min(len);
        for y in range(y, shape.height) {
            for x in range(x, shape.width) {
                let at = (y * shape.width + x) * shape.channels;
                image[at..at + shape.channels].copy_from_slice(&self.background);
            }
        }
    }
}

/// Where an image is put.
struct Placement {
    /// In radians.
    angle: f32,
    /// Against its own size.
    size: f32,
    /// Down and right, in pixels.
    shift: (f32, f32),
}

/// Each pixel of `to` from the four of `from` around its source, which is background outside.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn sample(
    shape: ImageShape,
    from: &[f32],
    to: &mut [f32],
    (place, background): (&Placement, &[f32]),
) {
    let ImageShape {
        height,
        width,
        channels,
    } = shape;
    let (centre_y, centre_x) = ((height as f32 - 1.0) / 2.0, (width as f32 - 1.0) / 2.0);
    let (sin, cos) = (
        place.angle.sin() / place.size,
        place.angle.cos() / place.size,
    );
    let stride = width * channels;
    for (at_y, to) in to.chunks_exact_mut(stride).enumerate() {
        let y = at_y as f32 - centre_y - place.shift.0;
        for (at_x, to) in to.chunks_exact_mut(channels).enumerate() {
            let x = at_x as f32 - centre_x - place.shift.1;
            let (source_y, source_x) = (cos * y - sin * x + centre_y, sin * y + cos * x + centre_x);
            let (top, left) = (source_y.floor(), source_x.floor());
            let (down, right) = (source_y - top, source_x - left);
            let (top, left) = (top as i32, left as i32);
            let mix = |[a, b, c, d]: [f32; 4]| {
                (1.0 - down) * ((1.0 - right) * a + right * b)
                    + down * ((1.0 - right) * c + right * d)
            };
            let is_inside =
                top >= 0 && left >= 0 && (top as usize) + 1 < height && (left as usize) + 1 < width;
            if is_inside {
                let first = top as usize * stride + left as usize * channels;
                let upper = &from[first..first + 2 * channels];
                let lower = &from[first + stride..][..2 * channels];
                for (c, to) in to.iter_mut().enumerate() {
                    *to = mix([upper[c], upper[channels + c], lower[c], lower[channels + c]]);
                }
                continue;
            }
            for (c, to) in to.iter_mut().enumerate() {
                let value = |y: i32, x: i32| {
                    let is_inside =
                        (0..height as i32).contains(&y) && (0..width as i32).contains(&x);
                    match is_inside {
                        true => from[y as usize * stride + x as usize * channels + c],
                        false => background[c],
                    }
                };
                *to = mix([
                    value(top, left),
                    value(top, left + 1),
                    value(top + 1, left),
                    value(top + 1, left + 1),
                ]);
            }
        }
    }
}

impl Dataset for Augmented {
    fn len(&self) -> usize {
        self.images.len()
    }

    fn input_len(&self) -> usize {
        self.images.input_len()
    }

    fn labels(&self) -> Labels {
        self.images.labels()
    }

    fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]) {
        self.images.gather_inputs(rows, inputs);
    }

    fn gather_classes(&self, rows: &[u32], classes: &mut [u32]) {
        self.images.gather_classes(rows, classes);
    }

    fn draw(&self, epoch: u32, rows: &[u32], inputs: &mut [f32], labels: LabelsMut<'_>) {
        if self.augmentation == Augmentation::default() {
            return self.images.draw(epoch, rows, inputs, labels);
        }
        let mut plain = PLAIN.take();
        plain.resize(self.input_len(), 0.0);
        for (&row, image) in rows.iter().zip(inputs.chunks_exact_mut(self.input_len())) {
            self.images.gather_inputs(&[row], &mut plain);
            self.change((epoch, row), &plain, image);
        }
        PLAIN.set(plain);
        if let LabelsMut::Classes(classes) = labels {
            self.images.gather_classes(rows, classes);
        }
    }
}

thread_local! {
    /// An image as it is: each worker's own, so that a steady step allocates nothing.
    static PLAIN: std::cell::Cell<Vec<f32>> = const { std::cell::Cell::new(Vec::new()) };
}
