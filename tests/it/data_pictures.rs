//! Pictures in all formats, turned as their EXIF data say, whole or refused, and what a folder
//! leaves out.

use std::io::Cursor;

use crate::files::Folder;
use crate::mutations::mutations;
use base64::Engine;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ImageEncoder, ImageFormat, Rgb, RgbImage};
use unisono::data::{Dataset, ImageFolder, LoadedImages, OnBadSample};

const FORMATS: [ImageFormat; 7] = [
    ImageFormat::Png,
    ImageFormat::Jpeg,
    ImageFormat::WebP,
    ImageFormat::Bmp,
    ImageFormat::Gif,
    ImageFormat::Tiff,
    ImageFormat::Pnm,
];

/// A progressive JPEG of 20 x 24 pixels: PIL,
/// `Image.fromarray(a).save(file, progressive=True, quality=60)`.
const PROGRESSIVE: &str = "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODh\
MREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT0//wgARCAAYABQDASIAAhEBAxEB/8QAFwABAQEBAAAAAAAAAAAA\
AAAAAAQDBf/EABgBAAMBAQAAAAAAAAAAAAAAAAECBQMG/9oADAMBAAIQAxAAAAHh1bVBsHQNSzrMuboBpf/EABYQAQEBAAAAAAAAAAAAAAAAAAIAEv/aAAgBAQABBQIiIs\
RERYiIixf/xAAXEQADAQAAAAAAAAAAAAAAAAAAAQMC/9oACAEDAQE/AYWFYhpi0z//xAAWEQEBAQAAAAAAAAAAAAAAAAARABD/2gAIAQIBAT8BZ3//xAAUEAEAAAAAAAAA\
AAAAAAAAAAAw/9oACAEBAAY/Ah//xAAXEAADAQAAAAAAAAAAAAAAAAABECEA/9oACAEBAAE/IUAhgIYCN//aAAwDAQACAAMAAAAQSAh+/8QAFxEBAQEBAAAAAAAAAAAAAA\
AAACERMf/aAAgBAwEBPxDkgmYn/8QAFxEBAQEBAAAAAAAAAAAAAAAAAQAQEf/aAAgBAgEBPxAwG7f/xAAWEAEBAQAAAAAAAAAAAAAAAAAhADH/2gAIAQEAAT8QwLAiFgWB\
ELAsCIX/2Q==";

/// Five by three pixels, all different.
fn picture() -> RgbImage {
    RgbImage::from_fn(5, 3, |x, y| {
        Rgb([40 * x as u8, 80 * y as u8, (15 * (x + y)) as u8])
    })
}

fn encoded(format: ImageFormat, picture: RgbImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let picture = DynamicImage::from(picture);
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn read(folder: &Folder, how: &ImageFolder) -> LoadedImages {
    how.read(&folder.0, &|_| {}).unwrap()
}

/// Two classes, one of which holds a picture of its own.
fn folder(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder.file("other/a.png", &encoded(ImageFormat::Png, picture()));
    folder
}

/// The error of a folder with this file.
fn refused(folder: &Folder, name: &str, bytes: &[u8]) -> String {
    let path = folder.file(name, bytes);
    let error = ImageFolder::default().read(&folder.0, &|_| {}).unwrap_err();
    std::fs::remove_file(path).unwrap();
    error.to_string()
}

#[test]
fn every_format_is_told_by_its_content_and_gives_the_same_pixels() {
    let folder = folder("formats");
    for (at, format) in FORMATS.into_iter().enumerate() {
        // Named as something else.
        let end = ["jpg", "png", "tiff", "gif"][at % 4];
        folder.file(&format!("class/{at}.{end}"), &encoded(format, picture()));
    }
    let loaded = read(&folder, &ImageFolder::default());
    assert_eq!(
        loaded.kinds.to_string(),
        "1 BMP, 1 GIF, 1 JPEG, 2 PNG, 1 PNM, 1 TIFF, 1 WebP, of 3x5 pixels"
    );
    for row in (0..8).filter(|row| *row != 1) {
        let pixels = loaded.images.pixels(row).unwrap();
        assert_eq!(pixels[..], picture().into_raw()[..], "{row}");
    }
}

/// EXIF data of one entry: the orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let head = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0";
    [&head[..], &[orientation, 0, 0, 0, 0, 0, 0, 0]].concat()
}

#[test]
fn pictures_are_turned_as_their_exif_data_say() {
    let (plain, (width, height)) = (picture(), (5_u32, 3_u32));
    let encode = |encoder: &mut dyn FnMut(&mut Vec<u8>)| {
        let mut bytes = Vec::new();
        encoder(&mut bytes);
        bytes
    };
    let (rgb, depth) = (plain.as_raw(), image::ExtendedColorType::Rgb8);
    for orientation in 1..=8 {
        // Row and column of what is seen to those of what is stored (EXIF 2.3, table 6).
        let from = |row: u32, column: u32| match orientation {
            2 => (row, width - 1 - column),
            3 => (height - 1 - row, width - 1 - column),
            4 => (height - 1 - row, column),
            5 => (column, row),
            6 => (height - 1 - column, row),
            7 => (height - 1 - column, width - 1 - row),
            8 => (column, width - 1 - row),
            _ => (row, column),
        };
        let (w, h) = if orientation > 4 {
            (height, width)
        } else {
            (width, height)
        };
        let seen = RgbImage::from_fn(w, h, |x, y| {
            let (row, column) = from(y, x);
            *plain.get_pixel(column, row)
        });
        let png = encode(&mut |bytes| {
            let mut encoder = PngEncoder::new(bytes);
            encoder.set_exif_metadata(exif(orientation)).unwrap();
            encoder.write_image(rgb, width, height, depth).unwrap();
        });
        let webp = encode(&mut |bytes| {
            let mut encoder = WebPEncoder::new_lossless(bytes);
            encoder.set_exif_metadata(exif(orientation)).unwrap();
            encoder.write_image(rgb, width, height, depth).unwrap();
        });
        let jpeg = encode(&mut |bytes| {
            let mut encoder = JpegEncoder::new_with_quality(bytes, 100);
            encoder.set_exif_metadata(exif(orientation)).unwrap();
            encoder.write_image(rgb, width, height, depth).unwrap();
        });
        let folder = Folder::new("turned");
        folder.file("class/a.png", &png);
        folder.file("class/b.webp", &webp);
        folder.file("other/c.jpg", &jpeg);
        let loaded = read(&folder, &ImageFolder::default());
        let turned = if orientation == 1 { 0 } else { 3 };
        assert_eq!(loaded.kinds.turned, turned, "{orientation}");
        for row in 0..2 {
            let pixels = loaded.images.pixels(row).unwrap();
            assert_eq!(pixels[..], seen.as_raw()[..], "{orientation}");
        }
        let pixels = loaded.images.pixels(2).unwrap();
        let mut near = pixels.iter().zip(seen.as_raw());
        assert!(near.all(|(a, b)| a.abs_diff(*b) < 30), "{orientation}");
    }
}

#[test]
fn a_jpeg_is_whole_or_refused_and_what_lies_behind_its_end_is_harmless() {
    let wide = RgbImage::from_fn(40, 30, |x, y| {
        Rgb([6 * x as u8, 8 * y as u8, (x * y) as u8])
    });
    let progressive = base64::engine::general_purpose::STANDARD
        .decode(PROGRESSIVE)
        .unwrap();
    let cut_at = |bytes: &[u8], end: usize| [&bytes[..end], &[0xff, 0xd9]].concat();
    let pixels = |bytes: &[u8]| {
        let folder = folder("whole-jpeg");
        folder.file("class/a.jpg", bytes);
        std::fs::remove_file(folder.0.join("other/a.png")).unwrap();
        folder.file("other/a.jpg", bytes);
        read(&folder, &ImageFolder::default())
            .images
            .pixels(0)
            .unwrap()
            .to_vec()
    };
    for whole in [encoded(ImageFormat::Jpeg, wide), progressive] {
        let video = [&b"\0\0\0\x18ftypmp42"[..], &[1; 5000]].concat();
        assert_eq!(pixels(&[&whole[..], &video].concat()), pixels(&whole));
        // More of 0xff before a marker is allowed.
        let len = whole.len();
        let filled = [&whole[..len - 2], &[0xff, 0xff], &whole[len - 2..]].concat();
        assert_eq!(pixels(&filled), pixels(&whole));
        let scan = whole.windows(2).rposition(|pair| pair == [0xff, 0xda]);
        let start = scan.unwrap() + 14;
        let folder = folder("cut-with-end");
        let mut ends: Vec<usize> = [0.2, 0.5, 0.8]
            .iter()
            .map(|part| start + ((len - 2 - start) as f64 * part) as usize)
            .collect();
        ends.retain(|end| whole[end - 1] != 0xff);
        assert!(ends.len() > 1);
        for end in ends {
            let error = refused(&folder, "class/a.jpg", &cut_at(&whole, end));
            assert!(
                error.contains("a whole JPEG image, got one that ends before its last block"),
                "{error}"
            );
        }
        let error = refused(&folder, "class/a.jpg", &whole[..len - 2]);
        assert!(error.contains("a whole JPEG image"), "{error}");
    }
}

#[test]
fn cut_files_are_damaged_and_other_formats_are_named() {
    let folder = folder("cut");
    for format in FORMATS {
        let whole = encoded(format, picture());
        let error = refused(&folder, "class/a.png", &whole[..whole.len() * 4 / 5]);
        assert!(error.contains("class/a.png: expected a whole "), "{error}");
        assert!(
            error.ends_with("damaged or of another format"),
            "{format:?}: {error}"
        );
    }
    for (bytes, name) in [
        (&b"\0\0\0\x18ftypheic"[..], "HEIC"),
        (b"\0\0\0\x18ftypavif", "AVIF"),
        (b"%PDF-1.7", "PDF"),
        (b"<svg xmlns", "SVG"),
    ] {
        let error = refused(&folder, "class/a.jpg", bytes);
        assert!(
            error.contains(&format!("got {name}; convert it")),
            "{error}"
        );
        assert!(!error.contains("damaged"), "{error}");
    }
    let error = refused(&folder, "class/a.jpg", b"");
    assert!(error.contains("got an empty file"), "{error}");
}

#[test]
fn folders_below_a_class_are_of_it_and_what_is_left_out_is_counted() {
    let cache = Folder::new("nested-cache");
    let folder = folder("nested");
    let png = encoded(ImageFormat::Png, picture());
    for name in ["class/b.png", "class/deep/er/a.png", "class/deep/c.PNG"] {
        folder.file(name, &png);
    }
    for name in [
        "class/notes.txt",
        "class/deep/.hidden.png",
        "class/deep/README",
        "loose.png",
        "list.TXT",
        ".git/config",
    ] {
        folder.file(name, b"nothing");
    }
    let how = ImageFolder {
        cache: Some(cache.0.clone()),
        ..ImageFolder::default()
    };
    for is_from_cache in [false, true] {
        let loaded = read(&folder, &how);
        assert_eq!(loaded.is_from_cache, is_from_cache);
        assert_eq!(loaded.images.class_labels(), [0, 0, 0, 1]);
        assert_eq!(loaded.nested, 2);
        assert_eq!(loaded.kinds.to_string(), "4 PNG, of 3x5 pixels");
        assert_eq!(
            loaded.left_out.to_string(),
            "2 .txt, 2 hidden, 1 images in no class folder, 1 without an extension"
        );
    }
}

#[test]
fn mutated_pictures_never_panic() {
    let folder = folder("odd-pictures");
    let how = ImageFolder {
        size: Some((2, 2)),
        on_bad_sample: OnBadSample::Skip,
        ..ImageFolder::default()
    };
    for format in FORMATS {
        for odd in mutations(&encoded(format, picture()), 200) {
            folder.file("class/odd.png", &odd);
            let loaded = read(&folder, &how);
            assert_eq!(loaded.images.class_labels().len() + loaded.skipped.len(), 2);
        }
    }
}

#[test]
fn pictures_without_an_extension_are_read_and_what_is_not_kept_of_them_is_said() {
    let folder = folder("pictures-unnamed");
    folder.file("one/IMG_1", &encoded(ImageFormat::Png, picture()));
    folder.file("one/IMG_2", &encoded(ImageFormat::Jpeg, picture()));
    folder.file("one/README", b"BMW and PNM, II: notes");
    folder.file("one/empty", b"");
    let loaded = read(&folder, &ImageFolder::default());
    assert_eq!(loaded.images.len(), 3);
    assert_eq!(loaded.left_out.to_string(), "2 without an extension");
    // Sixteen bits, and transparency.
    let picture = DynamicImage::from(picture());
    let mut clear = picture.to_rgba8();
    let as_png = |picture: DynamicImage| {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    };
    folder.file("one/deep", &as_png(picture.to_rgb16().into()));
    folder.file("one/opaque", &as_png(clear.clone().into()));
    clear.get_pixel_mut(1, 1)[3] = 254;
    folder.file("one/clear", &as_png(clear.into()));
    let kinds = read(&folder, &ImageFolder::default()).kinds.to_string();
    assert!(
        kinds.ends_with(
            "of 3x5 pixels, 1 of 16 bits a channel, brought to 8, 1 with transparent pixels, taken as if opaque"
        ),
        "{kinds}"
    );
    let floats = DynamicImage::from(picture.to_rgb32f());
    let mut bytes = Cursor::new(Vec::new());
    floats.write_to(&mut bytes, ImageFormat::Tiff).unwrap();
    folder.file("one/floats.tif", &bytes.into_inner());
    let error = ImageFolder::default()
        .read(&folder.0, &|_| {})
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("floats.tif") && error.contains("got floating-point pixels"),
        "{error}"
    );
}
