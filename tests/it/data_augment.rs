//! Augmentation of images: mixing, colours, crops.

use unisono::data::{Augmentation, Augmented, Dataset, ImageDataset, ImageShape, LabelsMut};

/// Images of 4 x 4 x 3, half of them black and class 0, half white and class 1.
fn black_and_white() -> ImageDataset {
    let shape = ImageShape {
        height: 4,
        width: 4,
        channels: 3,
    };
    let pixels = (0..100)
        .flat_map(|row| [255 * (row % 2) as u8; 48])
        .collect();
    ImageDataset::new(pixels, shape, (0..100).map(|row| row % 2).collect(), 2).unwrap()
}

/// All images of so many epochs, with their classes.
fn drawn(augmentation: Augmentation, epochs: u32) -> Vec<(Vec<f32>, u32)> {
    let data = Augmented::new(black_and_white(), augmentation, 3).unwrap();
    let mut all = Vec::new();
    for epoch in 0..epochs {
        for row in 0..100 {
            let (mut image, mut class) = (vec![0.0; 48], [9]);
            data.draw(epoch, &[row], &mut image, LabelsMut::Classes(&mut class));
            all.push((image, class[0]));
        }
    }
    all
}

#[test]
fn mixed_images_have_the_labels_of_both_in_proportion() {
    let none = Augmentation::default();
    let mixup = drawn(Augmentation { mixup: 1.0, ..none }, 40);
    let cutmix = drawn(
        Augmentation {
            cutmix: 1.0,
            ..none
        },
        40,
    );
    // White is 1 and class 1: the class must on average be the share of white.
    for (name, images) in [("mixup", &mixup), ("cutmix", &cutmix)] {
        let share = |image: &[f32]| f64::from(image.iter().sum::<f32>()) / 48.0;
        for (low, high) in [(0.05, 0.35), (0.35, 0.65), (0.65, 0.95)] {
            let inside = images
                .iter()
                .filter(|(image, _)| (low..high).contains(&share(image)));
            let (mut count, mut white, mut ones) = (0.0, 0.0, 0.0);
            for (image, class) in inside {
                (count, white, ones) =
                    (count + 1.0, white + share(image), ones + f64::from(*class));
            }
            assert!(count > 100.0, "{name}: {count}");
            let odd = (white - ones).abs();
            assert!(
                odd < 5.0 * (count / 4.0_f64).sqrt(),
                "{name}: {ones} of {white}"
            );
        }
    }
    assert!(
        mixup
            .iter()
            .all(|(image, _)| image.iter().all(|v| (v - image[0]).abs() < 1e-6))
    );
    assert!(
        cutmix
            .iter()
            .all(|(image, _)| image.iter().all(|&v| v == 0.0 || v == 1.0))
    );
}

#[test]
fn colours_stay_in_their_range_and_noise_has_its_deviation() {
    let none = Augmentation::default();
    let bright = Augmentation {
        brightness: 0.5,
        ..none
    };
    let values = drawn(bright, 1);
    assert!(
        values
            .iter()
            .all(|(image, _)| image.iter().all(|v| (0.0..=1.0).contains(v)))
    );
    assert!(
        values
            .iter()
            .any(|(image, _)| (0.5..0.95).contains(&image[0]))
    );
    let noise = drawn(Augmentation { noise: 0.1, ..none }, 4);
    let rest = noise
        .iter()
        .flat_map(|(image, class)| image.iter().map(move |v| v - *class as f32));
    let (mut sum, mut squares, mut count) = (0.0, 0.0, 0.0);
    for value in rest.map(f64::from) {
        (sum, squares, count) = (sum + value, squares + value * value, count + 1.0);
    }
    assert!((sum / count).abs() < 0.005 && ((squares / count).sqrt() - 0.1).abs() < 0.005);
    // Contrast and saturation leave grey images grey; a crop moves whole pixels.
    let grey = Augmentation {
        contrast: 1.0,
        saturation: 1.0,
        ..none
    };
    assert!(
        drawn(grey, 1)
            .iter()
            .all(|(image, _)| image.iter().all(|v| (v - image[0]).abs() < 1e-6))
    );
    let crop = drawn(Augmentation { crop: 2, ..none }, 1);
    assert!(
        crop.iter()
            .all(|(image, _)| image.iter().all(|&v| v == 0.0 || v == 1.0))
    );
    assert!(
        crop.iter()
            .any(|(image, class)| *class == 1 && image.contains(&0.0))
    );
}

#[test]
fn every_change_is_the_same_whichever_rows_are_drawn_together() {
    let all = Augmentation {
        shift: 1.0,
        crop: 1,
        rotate: 10.0,
        flip: true,
        brightness: 0.3,
        contrast: 0.3,
        saturation: 0.3,
        noise: 0.1,
        cutout: 2,
        mixup: 0.4,
        cutmix: 1.0,
        ..Augmentation::default()
    };
    let data = Augmented::new(black_and_white(), all, 3).unwrap();
    let draw = |rows: &[u32]| {
        let (mut images, mut classes) = (vec![0.0; 48 * rows.len()], vec![0; rows.len()]);
        data.draw(5, rows, &mut images, LabelsMut::Classes(&mut classes));
        (images, classes)
    };
    let ((both, classes), (alone, class)) = (draw(&[8, 3]), draw(&[3]));
    assert_eq!((&both[48..], classes[1]), (&alone[..], class[0]));
}
