//! Augmentation of images: each row of each epoch is changed in its own way, a function of (seed,
//! epoch, row) alone, so it is the same for any number of workers.
//!
//! | step | what |
//! |---|---|
//! | shift | by up to so many pixels each way |
//! | crop | by whole pixels: padding with background, and a crop of the old size |
//! | rotate, scale | about the centre: one bilinear sampling together with shift and crop |
//! | flip | left and right, half of the time |
//! | brightness, contrast, saturation | factors about 1; values stay in 0..=1 before standardisation |
//! | noise | Gaussian, in standard deviations |
//! | cutout | a square of background, somewhere |
//! | mixup, cutmix | with another row of the set, changed as its own epoch says |
//!
//! # Mixing and labels
//! Rows have one class each. The loss of a mixed label is linear in it,
//! `l loss(a) + (1 - l) loss(b)`; so the row gets class a with probability l and class b else,
//! which has that loss as its mean. One mixed image has one of both labels; over epochs it has
//! both.
//!
//! # References
//! DeVries, Taylor: "Improved regularization of convolutional neural networks with cutout", 2017;
//! Zhang et al.: "mixup: beyond empirical risk minimization", 2018; Yun et al.: "CutMix", 2019.

mod colour;
mod geometry;

use ndarray_rand::rand::Rng;

use crate::seed::{Purpose, Stream};

use super::dataset::{Dataset, Labels, LabelsMut, expect_read};
use super::error::DataError;
use super::images::{ImageDataset, ImageShape};
use geometry::{Pixel, Placement, Rectangle};

/// An augmentation of images: the most that may happen to one.
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
    /// Pixels each way, whole ones.
    pub crop: usize,
    /// Degrees each way, in 0..=180.
    pub rotate: f32,
    /// The share by which it grows or shrinks at most, in 0..1.
    pub scale: f32,
    /// Whether left and right may change places.
    pub flip: bool,
    /// How far the factor of brightness may lie from 1, in 0..=1.
    pub brightness: f32,
    /// The same of contrast, about the mean grey.
    pub contrast: f32,
    /// The same of saturation, about each pixel's grey; images of one channel have none.
    pub saturation: f32,
    /// The standard deviation of what is added to each value, at least 0.
    pub noise: f32,
    /// The edge of the square that is cut out, in pixels; 0 for none.
    pub cutout: usize,
    /// Alpha of mixup's Beta(alpha, alpha), at least 0; 0 for none.
    pub mixup: f32,
    /// The same of cutmix. With both, each row gets one of them, half of the time.
    pub cutmix: f32,
}

impl Augmentation {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`DataError::Augmentation`].
    pub fn check(&self) -> Result<(), DataError> {
        let from_0 = |value: f32| value >= 0.0 && value.is_finite();
        let cases = [
            ("shift", "at least 0", self.shift, from_0(self.shift)),
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
            (
                "brightness",
                "in 0..=1",
                self.brightness,
                (0.0..=1.0).contains(&self.brightness),
            ),
            (
                "contrast",
                "in 0..=1",
                self.contrast,
                (0.0..=1.0).contains(&self.contrast),
            ),
            (
                "saturation",
                "in 0..=1",
                self.saturation,
                (0.0..=1.0).contains(&self.saturation),
            ),
            ("noise", "at least 0", self.noise, from_0(self.noise)),
            ("mixup", "at least 0", self.mixup, from_0(self.mixup)),
            ("cutmix", "at least 0", self.cutmix, from_0(self.cutmix)),
        ];
        let odd = cases.into_iter().find(|case| !case.3);
        odd.map_or(Ok(()), |(name, range, got, _)| {
            Err(DataError::Augmentation { name, range, got })
        })
    }

    /// Whether pixels move.
    fn moves(&self) -> bool {
        self.shift > 0.0 || self.crop > 0 || self.rotate > 0.0 || self.scale > 0.0
    }

    fn colours(&self) -> bool {
        self.brightness > 0.0 || self.contrast > 0.0 || self.saturation > 0.0
    }
}

/// Images that every epoch of training sees augmented; evaluation sees them as they are.
///
/// ```
/// use unisono::data::{Augmentation, Augmented, DataError, Dataset, ImageDataset, ImageShape, LabelsMut};
/// let shape = ImageShape { height: 1, width: 2, channels: 1 };
/// let images = ImageDataset::new(vec![0, 255], shape, vec![0], 1)?;
/// let flips = Augmented::new(images, Augmentation { flip: true, ..Augmentation::default() }, 42)?;
/// let (mut seen, mut class) = ([0.0; 2], [0]);
/// flips.draw(3, &[0], &mut seen, LabelsMut::Classes(&mut class));
/// assert!(seen == [0.0, 1.0] || seen == [1.0, 0.0]);
/// flips.gather_inputs(&[0], &mut seen);
/// assert_eq!(seen, [0.0, 1.0]);
/// # Ok::<(), DataError>(())
/// ```
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
        let shape = images.shape();
        let edge = shape.height.max(shape.width) as f32;
        let sizes = [
            ("shift", augmentation.shift),
            ("crop", augmentation.crop as f32),
            ("cutout", augmentation.cutout as f32),
        ];
        if let Some((name, got)) = sizes.into_iter().find(|(_, size)| *size > edge) {
            let range = "at most the image's larger edge";
            return Err(DataError::Augmentation { name, range, got });
        }
        Ok(Self {
            background: images.background(),
            images,
            augmentation,
            seed,
        })
    }

    /// The image of a draw, but not mixed with another; `plain` is room for it as it is.
    /// Gives back the row's stream.
    fn change(
        &self,
        draw: Draw,
        plain: &mut [f32],
        image: &mut [f32],
    ) -> Result<Stream, DataError> {
        let Draw { epoch, row } = draw;
        let (shape, what) = (self.images.shape(), self.augmentation);
        // A stream takes 48 bits of place: the low half of the epoch, and the row.
        let mut random = Stream::new(self.seed, Purpose::Augment, row, epoch as u16);
        // Where the image is put: all of it is one sampling.
        let mut within = |most: f32| most * (2.0 * random.uniform_f32() - 1.0);
        let mut place = Placement {
            angle: within(what.rotate).to_radians(),
            size: 1.0 + within(what.scale),
            shift: (within(what.shift), within(what.shift)),
        };
        if what.crop > 0 {
            let whole = 2 * what.crop as u32 + 1;
            let mut step = || random.below(whole) as f32 - what.crop as f32;
            place.shift = (place.shift.0 + step(), place.shift.1 + step());
        }
        if what.moves() {
            self.images.read(&[row], plain)?;
            geometry::sample(shape, plain, image, &place, &self.background);
        } else {
            self.images.read(&[row], image)?;
        }
        // Then what changes pixels in place.
        if what.flip && random.coin() {
            geometry::flip(shape, image);
        }
        if what.colours() {
            let mut factor = |most: f32| 1.0 + most * (2.0 * random.uniform_f32() - 1.0);
            let jitter = colour::Jitter {
                brightness: factor(what.brightness),
                contrast: factor(what.contrast),
                saturation: factor(what.saturation),
            };
            jitter.apply(self.images.standardised_with(), image);
        }
        if what.noise > 0.0 {
            colour::add_noise(&mut random, what.noise, image);
        }
        if what.cutout > 0 {
            let centre = somewhere(&mut random, shape);
            let hole = Rectangle::about(centre, what.cutout, what.cutout, shape);
            geometry::fill(shape, hole, &self.background, image);
        }
        Ok(random)
    }

    /// Mixes `image` with another row's; gives the row whose class it gets.
    fn mix(&self, draw: Draw, random: &mut Stream, buffers: Buffers<'_>) -> Result<u32, DataError> {
        let row = draw.row;
        let what = self.augmentation;
        let is_cut = match (what.mixup > 0.0, what.cutmix > 0.0) {
            (false, false) => return Ok(row),
            (true, true) => random.coin(),
            (_, is_cut) => is_cut,
        };
        // How much of the row stays, and which other one comes in.
        let alpha = if is_cut { what.cutmix } else { what.mixup };
        let mut own = random.beta(alpha);
        let partner = random.below(self.images.len() as u32);
        let other = Draw {
            row: partner,
            ..draw
        };
        self.change(other, buffers.plain, buffers.other)?;
        // Cutmix pastes a rectangle of the other image, mixup averages the two.
        if is_cut {
            let shape = self.images.shape();
            let edge = (1.0 - own).max(0.0).sqrt();
            let size = |len: usize| (len as f32 * edge) as usize;
            let centre = somewhere(random, shape);
            let Rectangle { rows, columns } =
                Rectangle::about(centre, size(shape.height), size(shape.width), shape);
            own = 1.0 - (rows.len() * columns.len()) as f32 / (shape.height * shape.width) as f32;
            for y in rows {
                let first = (y * shape.width + columns.start) * shape.channels;
                let part = first..first + columns.len() * shape.channels;
                buffers.image[part.clone()].copy_from_slice(&buffers.other[part]);
            }
        } else {
            let pairs = buffers.image.iter_mut().zip(buffers.other);
            pairs.for_each(|(to, other)| *to = own * *to + (1.0 - own) * *other);
        }
        // One of the two classes, as likely as its share.
        Ok(if random.uniform_f32() < own {
            row
        } else {
            partner
        })
    }
}

/// Any pixel of an image, each as likely.
fn somewhere(random: &mut Stream, shape: ImageShape) -> Pixel {
    Pixel {
        y: random.rand().random_range(0..shape.height),
        x: random.rand().random_range(0..shape.width),
    }
}

/// A row, as an epoch draws it.
#[derive(Clone, Copy)]
struct Draw {
    epoch: u32,
    row: u32,
}

/// An image, another one, and one as it was.
struct Buffers<'a> {
    image: &'a mut [f32],
    other: &'a mut [f32],
    plain: &'a mut [f32],
}

impl Dataset for Augmented {
    fn len(&self) -> usize {
        self.images.len()
    }

    fn input_len(&self) -> usize {
        self.images.input_len()
    }

    fn input_shape(&self) -> Vec<usize> {
        self.images.input_shape()
    }

    fn labels(&self) -> Labels {
        self.images.labels()
    }

    fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]) {
        self.images.gather_inputs(rows, inputs);
    }

    fn prefetch(&self, rows: &[u32]) {
        self.images.prefetch(rows);
    }

    fn gather_classes(&self, rows: &[u32], classes: &mut [u32]) {
        self.images.gather_classes(rows, classes);
    }

    fn draw(&self, epoch: u32, rows: &[u32], inputs: &mut [f32], labels: LabelsMut<'_>) {
        expect_read(self.try_draw(Some(epoch), rows, inputs, labels));
    }

    fn try_draw(
        &self,
        epoch: Option<u32>,
        rows: &[u32],
        inputs: &mut [f32],
        labels: LabelsMut<'_>,
    ) -> Result<(), DataError> {
        let epoch = match epoch {
            Some(epoch) if self.augmentation != Augmentation::default() => epoch,
            _ => return self.images.try_draw(epoch, rows, inputs, labels),
        };
        // Buffers for two images, of this thread.
        let len = self.input_len();
        let mut spare = SPARE.take();
        spare.resize(2 * len, 0.0);
        let (plain, other) = spare.split_at_mut(len);
        let mut classes = match labels {
            LabelsMut::Classes(classes) => classes.iter_mut(),
            LabelsMut::Values(_) => [].iter_mut(),
        };
        for (&row, image) in rows.iter().zip(inputs.chunks_exact_mut(len)) {
            let draw = Draw { epoch, row };
            let mut random = self.change(draw, plain, image)?;
            let buffers = Buffers {
                image,
                other,
                plain,
            };
            let labelled = self.mix(draw, &mut random, buffers)?;
            if let Some(class) = classes.next() {
                *class = self.images.class_labels()[labelled as usize];
            }
        }
        SPARE.set(spare);
        Ok(())
    }
}

thread_local! {
    /// Two images: each worker's own, so that a steady step allocates nothing.
    static SPARE: std::cell::Cell<Vec<f32>> = const { std::cell::Cell::new(Vec::new()) };
}
