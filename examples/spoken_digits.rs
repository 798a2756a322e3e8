//! Spoken digits: log-mel spectrograms and a small convolutional net, on the data set's own split
//! or with speakers held out.
//!
//! `cargo run --release --example spoken_digits -- RECORDINGS [official|SPEAKER] [SEED]`, with the
//! Free Spoken Digit Dataset's `recordings.tar.gz` or folder: files `DIGIT_SPEAKER_INDEX.wav`.
//! Official: the recordings 0 to 4 of each digit and speaker are the test part; with a speaker's
//! name, all recordings of that speaker are.

use std::error::Error;
use std::path::Path;

use ndarray::Array2;
use unisono::Trainer;
use unisono::data::{
    Dataset, SpectrogramAugmentation, SpectrogramDataset, SpectrogramSettings, read_sounds,
};
use unisono::nn::{BatchNorm, Conv, Dropout, Loss, Pool, Sequential};
use unisono::optim::Optimizer;

const FRAMES: usize = 64;
const EPOCHS: u32 = 25;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let recordings = args
        .next()
        .ok_or("give the folder or archive of recordings")?;
    let held_out = args.next().unwrap_or_else(|| "official".into());
    let seed = args.next().map_or(Ok(1), |seed| seed.parse())?;

    let settings = SpectrogramSettings::default();
    let spectrogram = settings.spectrogram();
    let (mut train, mut test) = ((vec![], vec![]), (vec![], vec![]));
    for (name, sound) in read_sounds(Path::new(&recordings))? {
        let file = name.rsplit('/').next().unwrap_or(&name);
        let [digit, speaker, index] = file.split('_').collect::<Vec<_>>()[..] else {
            return Err(format!("expected DIGIT_SPEAKER_INDEX, got {file}").into());
        };
        let is_test = match held_out.as_str() {
            "official" => index.parse::<u32>()? < 5,
            name => speaker == name,
        };
        let part = if is_test { &mut test } else { &mut train };
        let frames: Array2<f32> = spectrogram.log_mel(&sound.resampled(settings.rate).samples);
        part.0.push(frames);
        part.1.push(digit.parse::<u32>()?);
    }
    let changes = SpectrogramAugmentation {
        shift: 8,
        time_masks: (2, 8),
        band_masks: (2, 6),
    };
    let train = SpectrogramDataset::new(&train.0, FRAMES, train.1, 10)?;
    let test = train.like(&test.0, test.1)?;
    let train = train.augmented(changes, seed);

    let mut model = Sequential::new([FRAMES, settings.bands, 1]);
    for channels in [16, 32, 64] {
        model = model
            .layer(Conv::d2(channels, 3).padding(1).without_bias())
            .layer(BatchNorm::new())
            .relu()
            .layer(Pool::max(2));
    }
    let model = model.flatten().layer(Dropout::new(0.3)).dense(10);
    let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
        .batch_size(64)
        .optimizer(Optimizer::adam_w(2e-3).with_weight_decay(0.05))
        .schedule(format!("warmup 1 epochs, cosine to 0.01 over {EPOCHS} epochs").parse()?)
        .epochs(EPOCHS)
        .seed(seed);
    let report = trainer.fit(&train, &test)?;
    println!(
        "{} training and {} test recordings ({held_out}), seed {seed}: test accuracy {:.1} % after {:.0} s",
        train.len(),
        test.len(),
        100.0 * report.test_accuracy(),
        report.wall_time.as_secs_f64()
    );
    Ok(())
}
