//! Pictures of rows: images, and heat maps of a saliency.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};

/// The size of an image.
#[derive(Clone, Copy)]
struct Size {
    height: usize,
    width: usize,
    channels: usize,
}

impl Size {
    /// That of rows that are images of one or three channels, or squares.
    fn of_rows(shape: &[usize]) -> Option<Self> {
        let values: usize = shape.iter().product();
        let edge = values.isqrt();
        let (height, width, channels) = match *shape {
            [height, width] | [height, width, 1] => (height, width, 1),
            [height, width, 3] => (height, width, 3),
            [_] if edge > 4 && edge * edge == values => (edge, edge, 1),
            _ => return None,
        };
        Some(Self {
            height,
            width,
            channels,
        })
    }
}

/// A row as a PNG file, from black for the smallest value to white for the largest; `None` if it is
/// no image of one or three channels, and no square.
///
/// ```
/// use unisono::run::picture;
/// let png = picture(&[2, 2, 1], &[0.0, 0.5, 1.0, 2.0]).unwrap();
/// assert!(png.starts_with(b"\x89PNG") && picture(&[7], &[0.0; 7]).is_none());
/// ```
pub fn picture(shape: &[usize], values: &[f32]) -> Option<Vec<u8>> {
    let size = Size::of_rows(shape)?;
    let channels = size.channels;
    let least = values.iter().copied().fold(f32::INFINITY, f32::min);
    let most = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let scale = 255.0 / (most - least).max(f32::MIN_POSITIVE);
    png(size, |at| {
        let level =
            |channel: usize| ((values[at * channels + channel % channels] - least) * scale) as u8;
        Rgb([level(0), level(1), level(2)])
    })
}

/// How each pixel of a row counts, its channels together, as a PNG file: white for nothing, blue
/// for what speaks for the class, orange for what speaks against it; `None` as [`picture`].
///
/// ```
/// use unisono::run::heat_map;
/// assert!(heat_map(&[2, 2, 1], &[0.0, -0.5, 1.0, 2.0]).unwrap().starts_with(b"\x89PNG"));
/// ```
pub fn heat_map(shape: &[usize], values: &[f32]) -> Option<Vec<u8>> {
    let size = Size::of_rows(shape)?;
    let channels = size.channels;
    let pixels: Vec<f32> = values
        .chunks_exact(channels)
        .map(|pixel| pixel.iter().sum())
        .collect();
    let sizes = pixels.iter().map(|value| value.abs());
    let most = sizes.fold(f32::MIN_POSITIVE, f32::max);
    // Blue and orange of a palette that is safe for the colour-blind (Okabe, Ito).
    let (towards, against) = ([0.0, 114.0, 178.0], [213.0, 94.0, 0.0]);
    png(size, |at| {
        let share = pixels[at] / most;
        let colour = if share > 0.0 { towards } else { against };
        let level = |channel: usize| {
            let end: f32 = colour[channel];
            (255.0 + (end - 255.0) * share.abs()) as u8
        };
        Rgb([level(0), level(1), level(2)])
    })
}

/// A PNG file of this size; `pixel` gives each, row by row.
fn png(size: Size, pixel: impl Fn(usize) -> Rgb<u8>) -> Option<Vec<u8>> {
    let pixels = RgbImage::from_fn(size.width as u32, size.height as u32, |x, y| {
        pixel(y as usize * size.width + x as usize)
    });
    let mut file = Cursor::new(Vec::new());
    pixels.write_to(&mut file, ImageFormat::Png).ok()?;
    Some(file.into_inner())
}
