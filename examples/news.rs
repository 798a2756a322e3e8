//! News titles and descriptions in four classes: hashed n-grams and a small net.
//!
//! `cargo run --release --example news -- FILE [SEED]`, with AG News' `test.csv`; the rows whose number modulo 38 is below 5 are the
//! test part.

use std::error::Error;
use std::path::Path;

use unisono::Trainer;
use unisono::data::{Column, Dataset, LabelledTexts, TextHasher};
use unisono::nn::{Dropout, Loss, Sequential};
use unisono::optim::Optimizer;

const BUCKETS: usize = 1 << 17;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let file = args.next().ok_or("give AG News' test.csv")?;
    let seed = args.next().map_or(Ok(1), |seed| seed.parse())?;
    let news = LabelledTexts::read(Path::new(&file), &Column::Index(0))?;
    let is_test = |row: &usize| row % 38 < 5;
    let (test, train): (Vec<usize>, Vec<usize>) = (0..news.texts.len()).partition(is_test);
    let (train, test) = (news.subset(&train), news.subset(&test));
    let hasher = TextHasher::fit(&train.texts, BUCKETS);
    let (train, test) = (hasher.dataset(&train)?, hasher.dataset(&test)?);
    let model = Sequential::new(BUCKETS)
        .dense(64)
        .relu()
        .layer(Dropout::new(0.5))
        .dense(news.classes.len());
    let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
        .batch_size(32)
        .optimizer(Optimizer::adam_w(2e-3).with_weight_decay(0.1))
        .schedule("linear over 4 epochs".parse()?)
        .epochs(4)
        .seed(seed);
    let report = trainer.fit(&train, &test)?;
    println!(
        "{} training and {} test rows, seed {seed}: test accuracy {:.1} % after {:.0} s",
        train.len(),
        test.len(),
        100.0 * report.test_accuracy(),
        report.wall_time.as_secs_f64()
    );
    Ok(())
}
