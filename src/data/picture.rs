//! A picture in the formats that PIL reads: what it is by its content, whole or cut, and the right
//! way up.
//!
//! # A JPEG that was cut
//! Its decoder fills what is missing with grey, or with what zero bits stand for. A file without an
//! end marker is refused by that. For one that was given a marker behind the cut, the codes of its
//! blocks are counted. Where that does not say that all are there (a progressive file), the marker
//! is moved: bytes before it change nothing in an image that is whole, as its last block has been
//! decoded, and give other pixels in one that is not. That costs a second decoding.

use std::io::Cursor;
use std::path::Path;

use image::metadata::Orientation;
use image::{
    ColorType, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, ImageResult,
    Limits,
};

use super::error::DataError;
use super::jpeg_blocks;

/// The largest edge of an image that is decoded, in pixels.
const MOST_PIXELS: u32 = 1 << 15;

/// The most memory that decoding one image may take, in bytes.
const MOST_BYTES: u64 = 1 << 29;

/// How the names of images end.
pub(crate) const IMAGES: [&str; 17] = [
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff",
    ".pnm", ".pbm", ".pgm", ".ppm", ".pam", ".apng",
];

/// The formats that are read, with their names.
const FORMATS: [(ImageFormat, &str); 7] = [
    (ImageFormat::Png, "PNG"),
    (ImageFormat::Jpeg, "JPEG"),
    (ImageFormat::WebP, "WebP"),
    (ImageFormat::Bmp, "BMP"),
    (ImageFormat::Gif, "GIF"),
    (ImageFormat::Tiff, "TIFF"),
    (ImageFormat::Pnm, "PNM"),
];

/// What is expected of a file.
const EXPECTED: &str = "a PNG, JPEG, WebP, BMP, GIF, TIFF or PNM image";

/// A decoded picture, the first of several in a file.
pub(super) struct Picture {
    pub(super) image: DynamicImage,
    pub(super) format: &'static str,
    /// Whether its EXIF data say that it lies on its side, upside down or mirrored; it is turned.
    pub(super) is_turned: bool,
    /// Whether a channel has 16 bits.
    pub(super) is_deep: bool,
    /// Whether a pixel is not opaque.
    pub(super) is_transparent: bool,
}

impl Picture {
    /// Decodes `bytes`, whatever the name of the file; `path` is for messages.
    pub(super) fn decode(bytes: &[u8], path: &Path) -> Result<Self, DataError> {
        let guessed = image::guess_format(bytes).ok();
        let known = FORMATS.iter().find(|(known, _)| Some(*known) == guessed);
        let Some(&(kind, format)) = known else {
            return Err(unknown(bytes, path));
        };
        let (image, is_turned) =
            decoded(bytes, kind).map_err(|error| refused(path, format, &error))?;
        if kind == ImageFormat::Jpeg && is_cut(bytes, &image) {
            let got = "one that ends before its last block";
            return Err(DataError::format(path, "a whole JPEG image", got));
        }
        // Floating-point pixels have no range that could be brought to bytes.
        let colour = image.color();
        if matches!(colour, ColorType::Rgb32F | ColorType::Rgba32F) {
            let remedy = "write it again as an 8-bit RGB image, scaled to 0 to 255";
            let got = "floating-point pixels";
            return Err(DataError::unfit(
                path,
                "pixels of 8 or 16 bits a channel",
                got,
                remedy,
            ));
        }
        Ok(Self {
            is_deep: colour.bytes_per_pixel() == 2 * colour.channel_count(),
            is_transparent: is_transparent(&image),
            image,
            format,
            is_turned,
        })
    }
}

/// Whether a pixel is not opaque.
fn is_transparent(image: &DynamicImage) -> bool {
    match image {
        DynamicImage::ImageLumaA8(pixels) => pixels.pixels().any(|pixel| pixel[1] < u8::MAX),
        DynamicImage::ImageRgba8(pixels) => pixels.pixels().any(|pixel| pixel[3] < u8::MAX),
        DynamicImage::ImageLumaA16(pixels) => pixels.pixels().any(|pixel| pixel[1] < u16::MAX),
        DynamicImage::ImageRgba16(pixels) => pixels.pixels().any(|pixel| pixel[3] < u16::MAX),
        _ => false,
    }
}

/// Decoded, turned the right way up, and whether it had to be.
fn decoded(bytes: &[u8], kind: ImageFormat) -> ImageResult<(DynamicImage, bool)> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MOST_PIXELS);
    limits.max_image_height = Some(MOST_PIXELS);
    limits.max_alloc = Some(MOST_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), kind);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder()?;
    limits.reserve(decoder.total_bytes())?;
    decoder.set_limits(limits)?;
    // EXIF data that are none turn nothing.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    Ok((image, orientation != Orientation::NoTransforms))
}

/// Whether a JPEG file has no end, or one that comes too early for the `image` that it gave.
fn is_cut(bytes: &[u8], image: &DynamicImage) -> bool {
    if jpeg_blocks::are_whole(bytes) {
        return false;
    }
    let Some(end) = jpeg_end(bytes) else {
        return true;
    };
    // A few blocks of anything: all codes occur in it.
    let more: Vec<u8> = (0..96_u32).map(|at| (at * 89 + 37) as u8 & 0x7f).collect();
    let moved = [&bytes[..end], &more, &[0xff, 0xd9]].concat();
    decoded(&moved, ImageFormat::Jpeg).is_ok_and(|(other, _)| other != *image)
}

/// Where the marker lies that ends a JPEG file's first image; segments are passed over, as they may
/// hold images of their own.
fn jpeg_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 2;
    loop {
        // What is no marker is entropy-coded data, in which 0xff is followed by 0; a marker may
        // have more of 0xff before it.
        let start = at + bytes.get(at..)?.iter().position(|byte| *byte == 0xff)?;
        at = start + bytes[start..].iter().position(|byte| *byte != 0xff)?;
        match bytes[at] {
            0xd9 => return Some(start),
            0x00 | 0x01 | 0xd0..=0xd8 => at += 1,
            _ => {
                let size = bytes.get(at + 1..at + 3)?;
                at += 1 + usize::from(u16::from_be_bytes([size[0], size[1]])).max(2);
            }
        }
    }
}

/// The error of a file that is no image that is read.
fn unknown(bytes: &[u8], path: &Path) -> DataError {
    let has = |at: usize, magic: &[u8]| bytes.get(at..at + magic.len()) == Some(magic);
    let known: [(usize, &[u8], &str); 15] = [
        (4, b"ftypavif", "AVIF"),
        (4, b"ftypavis", "AVIF"),
        (4, b"ftyphei", "HEIC"),
        (4, b"ftypmif1", "HEIC"),
        (4, b"ftypcrx", "a camera's raw format (CR3)"),
        (4, b"ftyp", "a video (MP4)"),
        (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
        (0, b"\xff\x0a", "JPEG XL"),
        (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
        (0, b"8BPS", "Photoshop"),
        (0, b"\0\0\x01\0", "an icon (ICO)"),
        (0, b"%PDF", "PDF"),
        (0, b"<svg", "SVG"),
        (0, b"<?xml", "XML, such as SVG"),
        (0, b"<", "a page of HTML or XML"),
    ];
    match known.iter().find(|(at, magic, _)| has(*at, magic)) {
        Some((_, _, name)) => {
            let remedy = "convert it, for instance by `magick FILE OUT.png`, or leave it out";
            DataError::unfit(path, EXPECTED, *name, remedy)
        }
        None if bytes.is_empty() => DataError::format(path, EXPECTED, "an empty file"),
        None => {
            let got = format!("{:02x?} at its beginning", &bytes[..bytes.len().min(4)]);
            DataError::format(path, EXPECTED, got)
        }
    }
}

/// The error of an image that cannot be decoded.
fn refused(path: &Path, format: &str, error: &ImageError) -> DataError {
    let got = error.to_string();
    match error {
        ImageError::Unsupported(_) => {
            let expected = format!("{format} in one of its usual kinds");
            let remedy = "write it again as an 8-bit RGB image";
            DataError::unfit(path, expected, got, remedy)
        }
        ImageError::Limits(_) => {
            let expected = format!(
                "an image of at most {MOST_PIXELS} pixels an edge, and {} MiB when it is decoded",
                MOST_BYTES >> 20
            );
            DataError::unfit(path, expected, got, "make it smaller")
        }
        _ => DataError::format(path, format!("a whole {format} image"), got),
    }
}
