//! An all-reduce of one's own behind the trait `AllReduce`: worker 0, which coordinates the others,
//! adds nothing; they share the segments.
//!
//! `cargo run --release --example own_all_reduce`. It says who adds what, and nothing else: the
//! order of the additions is the engine's, and so the bits are those of every other all-reduce.

use unisono::Trainer;
use unisono::data::digits;
use unisono::engine::AllReduce;
use unisono::engine::all_reduce::Tree;
use unisono::nn::{Loss, Sequential};

/// Spares worker 0, where there are others.
#[derive(Debug)]
struct Spare;

impl AllReduce for Spare {
    fn name(&self) -> &str {
        "spare"
    }

    fn adder(&self, _left: usize, segment: usize, num_workers: usize) -> usize {
        match num_workers {
            1 => 0,
            _ => 1 + segment % (num_workers - 1),
        }
    }
}

/// Forgets that workers are counted from 0.
#[derive(Debug)]
struct FromOne;

impl AllReduce for FromOne {
    fn name(&self) -> &str {
        "from-one"
    }

    fn adder(&self, _left: usize, segment: usize, num_workers: usize) -> usize {
        1 + segment % num_workers
    }
}

fn trainer(threads: usize) -> Trainer {
    let model = Sequential::new(64).dense(32).relu().dense(10);
    Trainer::new(model, Loss::SoftmaxCrossEntropy).threads(threads)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (train, test) = digits();
    let mut hashes = Vec::new();
    for threads in [1, 2, 3] {
        let mut spare = trainer(threads).all_reduce(Spare);
        spare.fit(&train, &test)?;
        hashes.push(spare.network()?.weights_sha256());
        println!("{threads} threads, spare: {}", hashes[hashes.len() - 1]);
    }
    let mut tree = trainer(3).all_reduce(Tree);
    tree.fit(&train, &test)?;
    println!("3 threads, tree:  {}", tree.network()?.weights_sha256());
    hashes.push(tree.network()?.weights_sha256());
    assert!(
        hashes.iter().all(|hash| *hash == hashes[0]),
        "the same bits"
    );
    // One that names a worker that there is not is refused before anything runs.
    let refused = trainer(2).all_reduce(FromOne).fit(&train, &test);
    println!("{}", refused.expect_err("there is no worker 2"));
    Ok(())
}
