//! CIFAR's files, folders of images, their cache, and what augmentation makes of images.

use std::io::Cursor;

use crate::files::Folder;
use crate::mutations::mutations;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use unisono::data::{DataError, Dataset, ImageCache, ImageDataset, ImageFolder, OnBadSample};

/// A picture of one colour.
fn encoded(format: ImageFormat, (width, height): (u32, u32), colour: [u8; 3]) -> Vec<u8> {
    let picture = DynamicImage::from(RgbImage::from_pixel(width, height, Rgb(colour)));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Two classes, three images.
fn folder(name: &str) -> Folder {
    let folder = Folder::new(name);
    let png = |colour| encoded(ImageFormat::Png, (4, 2), colour);
    folder.file("cat/b.png", &png([255, 0, 0]));
    folder.file("cat/a.PNG", &png([0, 255, 0]));
    folder.file(
        "dog/a.jpeg",
        &encoded(ImageFormat::Jpeg, (4, 2), [0, 0, 255]),
    );
    folder.file("dog/.hidden.png", b"nothing");
    folder.file("dog/notes.txt", b"nothing");
    folder
}

fn count(_: usize) {}

#[test]
fn cifar_records_become_images_with_channels_last() {
    let folder = Folder::new("cifar");
    let record = |label: u8| {
        let planes = (0..3072).map(|at| (at / 1024 * 100 + at % 1024 % 100) as u8);
        [label].into_iter().chain(planes).collect::<Vec<u8>>()
    };
    for batch in 1..=5 {
        folder.file(
            &format!("data_batch_{batch}.bin"),
            &[record(batch), record(9)].concat(),
        );
    }
    folder.file("test_batch.bin", &record(3));
    let [train, test] = ImageDataset::from_cifar_folder(&folder.0).unwrap();
    assert_eq!((train.len(), test.len()), (10, 1));
    assert_eq!(train.class_labels()[..4], [1, 9, 2, 9]);
    // The pixel in row 1, column 3 is the 35th of each plane.
    let pixel = 3 * (32 + 3);
    assert_eq!(train.pixels(0).unwrap()[pixel..pixel + 3], [35, 135, 235]);
    folder.file("test_batch.bin", &record(3)[1..]);
    let error = ImageDataset::from_cifar_folder(&folder.0)
        .unwrap_err()
        .to_string();
    assert!(error.contains("records of 3073 bytes, got 3072"), "{error}");
    folder.file("test_batch.bin", &record(200));
    let error = ImageDataset::from_cifar_folder(&folder.0).unwrap_err();
    assert!(matches!(
        error,
        DataError::ClassOutOfRange { class: 200, .. }
    ));
}

#[test]
fn a_folder_of_images_is_read_in_order_of_class_and_name() {
    let folder = folder("images");
    let loaded = ImageFolder::default().read(&folder.0, &count).unwrap();
    assert_eq!(loaded.class_names, ["cat", "dog"]);
    assert_eq!(loaded.images.class_labels(), [0, 0, 1]);
    assert_eq!(loaded.images.pixels(0).unwrap()[..3], [0, 255, 0]);
    assert!(loaded.images.pixels(2).unwrap()[2] > 200);
    let how = ImageFolder {
        size: Some((8, 6)),
        is_grey: true,
        ..ImageFolder::default()
    };
    let grey = how.read(&folder.0, &count).unwrap().images;
    assert_eq!(grey.input_shape(), [8, 6, 1]);
    folder.file("dog/b.png", &encoded(ImageFormat::Png, (3, 2), [1, 2, 3]));
    let error = ImageFolder::default()
        .read(&folder.0, &count)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("dog/b.png") && error.contains("2 x 4 pixels like"),
        "{error}"
    );
}

#[test]
fn a_bad_image_is_named_or_skipped_and_one_class_is_refused() {
    let folder = folder("bad-images");
    let good = encoded(ImageFormat::Png, (4, 2), [9, 9, 9]);
    folder.file("cat/cut.png", &good[..40]);
    let mut how = ImageFolder::default();
    let error = how.read(&folder.0, &count).unwrap_err().to_string();
    assert!(
        error.contains("cat/cut.png: expected a whole PNG image"),
        "{error}"
    );
    how.on_bad_sample = OnBadSample::Skip;
    let loaded = how.read(&folder.0, &count).unwrap();
    assert_eq!((loaded.images.len(), loaded.skipped.len()), (3, 1));
    assert!(loaded.skipped[0].to_string().contains("cut.png"));
    std::fs::remove_dir_all(folder.0.join("dog")).unwrap();
    let error = how.read(&folder.0, &count).unwrap_err().to_string();
    assert!(error.contains("at least 2 folders"), "{error}");
    folder.file("empty/notes.txt", b"");
    let error = how.read(&folder.0, &count).unwrap_err().to_string();
    assert!(error.contains("empty: expected images"), "{error}");
}

#[test]
fn a_jpeg_that_ends_early_is_refused_and_what_was_skipped_is_not_forgotten() {
    let (folder, cache) = (folder("cut-jpeg"), Folder::new("cut-jpeg-cache"));
    let good = encoded(ImageFormat::Jpeg, (64, 64), [9, 90, 200]);
    folder.file("dog/cut.jpg", &good[..good.len() * 9 / 10]);
    let mut how = ImageFolder {
        size: Some((4, 4)),
        on_bad_sample: OnBadSample::Skip,
        cache: Some(cache.0.clone()),
        ..ImageFolder::default()
    };
    for from_cache in [false, true] {
        let loaded = how.read(&folder.0, &count).unwrap();
        assert_eq!(
            (loaded.is_from_cache, loaded.skipped.len()),
            (from_cache, 1)
        );
    }
    how.on_bad_sample = OnBadSample::Error;
    let error = how.read(&folder.0, &count).unwrap_err().to_string();
    assert!(error.contains("cut.jpg"), "{error}");
}

#[test]
fn grey_is_that_of_bt_601() {
    let folder = Folder::new("grey");
    folder.file("a/red.png", &encoded(ImageFormat::Png, (1, 1), [255, 0, 0]));
    folder.file(
        "b/blue.png",
        &encoded(ImageFormat::Png, (1, 1), [0, 0, 255]),
    );
    let how = ImageFolder {
        is_grey: true,
        ..ImageFolder::default()
    };
    let images = how.read(&folder.0, &count).unwrap().images;
    assert_eq!(
        (images.pixels(0).unwrap()[0], images.pixels(1).unwrap()[0]),
        (76, 29)
    );
}

#[test]
fn decoded_images_are_kept_until_a_file_or_a_setting_changes() {
    let (folder, cache) = (folder("cached"), Folder::new("cache"));
    let how = ImageFolder {
        cache: Some(cache.0.clone()),
        ..ImageFolder::default()
    };
    let first = how.read(&folder.0, &count).unwrap();
    let second = how
        .read(&folder.0, &|_| panic!("nothing is decoded"))
        .unwrap();
    assert_eq!((first.is_from_cache, second.is_from_cache), (false, true));
    assert_eq!(
        (second.class_names, second.images.len()),
        (first.class_names, 3)
    );
    let (mut one, mut other) = (vec![0.0; 48], vec![0.0; 48]);
    first.images.gather_inputs(&[2, 0], &mut one);
    second.images.gather_inputs(&[2, 0], &mut other);
    assert_eq!(one, other);
    assert_eq!(
        first.images.statistics().unwrap(),
        second.images.statistics().unwrap()
    );
    let grey = ImageFolder {
        is_grey: true,
        ..how.clone()
    };
    assert!(!grey.read(&folder.0, &count).unwrap().is_from_cache);
    folder.file("cat/a.PNG", &encoded(ImageFormat::Png, (4, 2), [1, 1, 1]));
    let third = how.read(&folder.0, &count).unwrap();
    assert!(!third.is_from_cache && third.images.pixels(0).unwrap()[0] == 1);
}

#[test]
fn a_cache_of_another_version_or_length_is_named_and_made_anew() {
    let (folder, cache) = (folder("stale"), Folder::new("stale-cache"));
    let how = ImageFolder {
        cache: Some(cache.0.clone()),
        ..ImageFolder::default()
    };
    how.read(&folder.0, &count).unwrap();
    let path = std::fs::read_dir(&cache.0)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let good = std::fs::read(&path).unwrap();
    let mut other = good.clone();
    other[8] = 7;
    for (bytes, message) in [
        (other, "version 7"),
        (good[..good.len() - 1].to_vec(), "a head with shape"),
        ([&good[..20], &good[16..]].concat(), "3 images"),
        (b"short".to_vec(), "a cache of images"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let loaded = how.read(&folder.0, &count).unwrap();
        assert!(!loaded.is_from_cache);
        assert!(
            loaded.warnings[0].contains(message),
            "{:?}",
            loaded.warnings
        );
        assert!(how.read(&folder.0, &count).unwrap().is_from_cache);
    }
    let text = String::from_utf8_lossy(&good);
    let key = text.split("\"key\":\"").nth(1).unwrap();
    let key = key.split('"').next().unwrap();
    ImageCache::open(&path, key).unwrap();
    for odd in mutations(&good, 3_000) {
        std::fs::write(&path, odd).unwrap();
        if let Ok(opened) = ImageCache::open(&path, key) {
            opened
                .images
                .gather_inputs(&[0], &mut vec![0.0; opened.images.input_len()]);
        }
    }
}

#[test]
fn mutated_images_never_panic() {
    let folder = folder("odd-images");
    let how = ImageFolder {
        size: Some((2, 2)),
        on_bad_sample: OnBadSample::Skip,
        ..ImageFolder::default()
    };
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let good = encoded(format, (9, 7), [20, 200, 90]);
        for odd in mutations(&good, 500) {
            folder.file("cat/odd.png", &odd);
            let loaded = how.read(&folder.0, &count).unwrap();
            assert_eq!(loaded.images.len() + loaded.skipped.len(), 4);
        }
    }
}

#[test]
fn a_cache_of_which_a_bit_has_changed_is_named_and_made_anew() {
    let (folder, cache) = (folder("flipped"), Folder::new("flipped-cache"));
    let how = ImageFolder {
        cache: Some(cache.0.clone()),
        ..ImageFolder::default()
    };
    how.read(&folder.0, &count).unwrap();
    let path = std::fs::read_dir(&cache.0).unwrap().next();
    let path = path.unwrap().unwrap().path();
    let good = std::fs::read(&path).unwrap();
    // A bit of each byte in turn: of pixels, labels, names, lengths, the sum itself.
    for at in 0..good.len() {
        let mut odd = good.clone();
        odd[at] ^= 1 << (at % 8);
        std::fs::write(&path, odd).unwrap();
        let loaded = how.read(&folder.0, &count).unwrap();
        assert!(!loaded.is_from_cache, "byte {at} of {}", good.len());
        assert_eq!(std::fs::read(&path).unwrap(), good);
    }
}
