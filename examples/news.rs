//! News titles and descriptions in four classes: hashed n-grams and a small net.
//!
//! `cargo run --release --example news -- FILE [SEED|choose]`, with AG News' `test.csv`; the rows
//! whose number modulo 38 is below 5 are the test part. The settings come from `choose`: each of
//! eight is trained twice on six sevenths of the training part and judged by the rest.

use std::error::Error;
use std::path::Path;

use unisono::Trainer;
use unisono::data::{Column, LabelledTexts, TextHasher};
use unisono::nn::{Dropout, Loss, Sequential};
use unisono::optim::Optimizer;
use unisono::train::Report;

const BUCKETS: usize = 1 << 17;

/// Hidden units, dropout, learning rate, weight decay, epochs.
type Settings = (usize, f32, f32, f32, u32);

const CHOSEN: Settings = (64, 0.5, 2e-3, 0.1, 4);

const OTHERS: [Settings; 7] = [
    (64, 0.5, 1e-3, 0.1, 4),
    (64, 0.5, 4e-3, 0.1, 4),
    (64, 0.5, 2e-3, 0.01, 4),
    (64, 0.5, 2e-3, 0.1, 8),
    (64, 0.2, 2e-3, 0.1, 4),
    (16, 0.5, 2e-3, 0.1, 4),
    (64, 0.5, 2e-3, 0.1, 2),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let file = args.next().ok_or("give AG News' test.csv")?;
    let how = args.next().unwrap_or_else(|| "1".to_owned());
    let news = LabelledTexts::read(Path::new(&file), &Column::Index(0))?;
    let is_test = |row: &usize| row % 38 < 5;
    let (test, train): (Vec<usize>, Vec<usize>) = (0..news.texts.len()).partition(is_test);
    if how == "choose" {
        let (valid, train): (Vec<usize>, Vec<usize>) = train.iter().partition(|row| *row % 7 == 0);
        for settings in [&[CHOSEN][..], &OTHERS].concat() {
            let fits = [1, 2].map(|seed| trained(&news, [&train, &valid], (settings, seed)));
            let [one, two] = fits.map(|fit| fit.map(|report| 100.0 * report.test_accuracy()));
            println!("{settings:?}: {:.2} and {:.2} %", one?, two?);
        }
        return Ok(());
    }
    let seed = how.parse()?;
    let report = trained(&news, [&train, &test], (CHOSEN, seed))?;
    println!(
        "{} training and {} test rows, seed {seed}: test accuracy {:.1} % after {:.0} s",
        train.len(),
        test.len(),
        100.0 * report.test_accuracy(),
        report.wall_time.as_secs_f64()
    );
    Ok(())
}

/// Trains on the first rows, with what only they tell of words, and tests on the others.
fn trained(
    news: &LabelledTexts,
    [train, test]: [&[usize]; 2],
    ((hidden, dropout, lr, decay, epochs), seed): (Settings, u64),
) -> Result<Report, Box<dyn Error>> {
    let (train, test) = (news.subset(train), news.subset(test));
    let hasher = TextHasher::fit(&train.texts, BUCKETS);
    let (train, test) = (hasher.dataset(&train)?, hasher.dataset(&test)?);
    let model = Sequential::new(BUCKETS)
        .dense(hidden)
        .relu()
        .layer(Dropout::new(dropout))
        .dense(news.classes.len());
    let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
        .batch_size(32)
        .optimizer(Optimizer::adam_w(lr).with_weight_decay(decay))
        .schedule(format!("linear over {epochs} epochs").parse()?)
        .epochs(epochs)
        .seed(seed);
    Ok(trainer.fit(&train, &test)?)
}
