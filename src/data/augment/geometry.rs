//! Geometry of augmentation: one bilinear sampling for shift, rotation and scale; flips and holes.

use std::ops::Range;

use multiversion::multiversion;

use super::super::images::ImageShape;

/// Where an image is put.
pub(super) struct Placement {
    /// In radians.
    pub(super) angle: f32,
    /// Against its own size.
    pub(super) size: f32,
    /// Down and right, in pixels.
    pub(super) shift: (f32, f32),
}

/// Each pixel of `to` from the four of `from` around its source, which is background outside.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub(super) fn sample(
    shape: ImageShape,
    from: &[f32],
    to: &mut [f32],
    place: &Placement,
    background: &[f32],
) {
    let ImageShape {
        height,
        width,
        channels,
    } = shape;
    let (centre_y, centre_x) = ((height as f32 - 1.0) / 2.0, (width as f32 - 1.0) / 2.0);
    let sin = libm::sinf(place.angle) / place.size;
    let cos = libm::cosf(place.angle) / place.size;
    let stride = width * channels;
    for (at_y, to) in to.chunks_exact_mut(stride).enumerate() {
        let y = at_y as f32 - centre_y - place.shift.0;
        for (at_x, to) in to.chunks_exact_mut(channels).enumerate() {
            let x = at_x as f32 - centre_x - place.shift.1;
            // The place that this pixel comes from, and its neighbours' shares.
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
                    if is_inside {
                        from[y as usize * stride + x as usize * channels + c]
                    } else {
                        background[c]
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

/// Left becomes right.
pub(super) fn flip(shape: ImageShape, image: &mut [f32]) {
    for row in image.chunks_exact_mut(shape.width * shape.channels) {
        for x in 0..shape.width / 2 {
            for c in 0..shape.channels {
                let other = (shape.width - 1 - x) * shape.channels + c;
                row.swap(x * shape.channels + c, other);
            }
        }
    }
}

/// A pixel's place.
#[derive(Clone, Copy)]
pub(super) struct Pixel {
    pub(super) y: usize,
    pub(super) x: usize,
}

/// A part of an image.
#[derive(Clone)]
pub(super) struct Rectangle {
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
}

impl Rectangle {
    /// `height` x `width` pixels about `centre`, as far as they lie in the image.
    pub(super) fn about(centre: Pixel, height: usize, width: usize, shape: ImageShape) -> Self {
        let range = |at: usize, size: usize, len: usize| {
            at.saturating_sub(size / 2)..(at + size - size / 2).min(len)
        };
        Self {
            rows: range(centre.y, height, shape.height),
            columns: range(centre.x, width, shape.width),
        }
    }
}

/// Fills a rectangle with one pixel.
pub(super) fn fill(shape: ImageShape, hole: Rectangle, pixel: &[f32], image: &mut [f32]) {
    for y in hole.rows {
        for x in hole.columns.clone() {
            let at = (y * shape.width + x) * shape.channels;
            image[at..at + shape.channels].copy_from_slice(pixel);
        }
    }
}
