//! Data-parallel neural-network training on multicore CPUs, with the same bits for any number of
//! threads.
//!
//! A coordinator cuts each mini-batch into shards and spreads them over pinned worker threads, each
//! with a replica of the model. Workers run forward and backward on their shards; the gradients
//! meet in a lock-free all-reduce whose additions form one fixed tree; the master decides the
//! update; every replica reads the new weights.
//!
//! # Code map
//! | module | what it is |
//! |---|---|
//! | [`engine`] | coordinator, workers, shards, all-reduce, pinning; trains anything that is a [`engine::Replica`] |
//! | [`nn`] | layers, losses, initialisers, networks, kernels |
//! | [`optim`] | optimisers as chains of small transforms, schedules, noise scale, batch policies |
//! | [`data`] | data sets, the embedded digits, the shuffle |
//! | [`train`] | the loop, where all of them meet: [`Trainer`] |
//! | [`metrics`] | how good predictions are: accuracy, F1, areas under curves |
//! | `run` | a run as a folder: settings, metrics, checkpoints, report |
//! | `export` | weights for other programs, and from them |
//! | `study` | measurements: steps, scaling with threads, what the batch size does |
//! | `stats` | statistics of measurements |
//! | `report` | pages and charts |
//! | [`seed`] | counter-based random streams |
//! | `cli` | the program |
//! | [`guide`] | the guide: data, tasks, runs, scaling, studies, ranks, speed, how the crate is built |
//! | `sys` | calls of the operating system |
//!
//! # Features
//! All are on by default. With `default-features = false` there are the engine, layers, optimisers,
//! the loop, checkpoints, and data in memory or in files of CSV, NumPy, MNIST and CIFAR. What needs
//! a feature that is off is not there, or returns [`data::DataError::Feature`]; no feature changes
//! what a training computes.
//!
//! | feature | what it brings | turns on | crates |
//! |---|---|---|---|
//! | none | what is named above | | 81 |
//! | `audio` | [`data`]: `Sound`, `LoadedSounds`, `Spectrogram`; rows made of recordings | | 88 |
//! | `cli` | module `cli`, the program | all others | 215 |
//! | `export` | module `export`: safetensors, `.npz`, ONNX, weights of PyTorch | `npz` | 98 |
//! | `files` | [`data`]: `open`, which reads whatever lies at a path | `audio`, `image`, `npz`, `text` | 157 |
//! | `image` | [`data`]: `ImageFolder`, contact sheets; rows made of image files | | 100 |
//! | `npz` | [`data`]: `Npz`; rows made of such archives | | 93 |
//! | `report` | module `report` | | 93 |
//! | `run` | module `run` | `export`, `image`, `report` | 127 |
//! | `study` | modules `study` and `stats` | `report` | 102 |
//! | `text` | [`data`]: `Tokenizer::from_json`, `Pieces` | | 122 |
//!
//! Crates are those of `cargo tree -e normal --no-default-features -F FEATURE --prefix none
//! --no-dedupe | cut -d" " -f1,2 | sort -u | wc -l` on Linux, this one among them.
//!
//! # Invariants
//! 1. The trained bits are a function of model, data, settings and seed, never of the number of
//!    threads, the all-reduce algorithm, who executes the update, or the instruction set.
//! 2. Sums everywhere, one division: by the weight of the global batch.
//! 3. Randomness is a pure function of its coordinates (`seed`).
//! 4. After the first steps a training step takes no lock and, unless shards move, allocates
//!    nothing.
//! 5. A panic in a worker, or a loss that is not finite, leaves the parameters of the last whole
//!    step.
//!
//! # Licence
//! MIT or Apache 2.0, as you like; the digits that [`data::digits`] embeds are CC BY 4.0.
//!
//! # Example
//! ```
//! use unisono::{data::digits, nn::{Loss, Sequential}, optim::Optimizer, Trainer};
//!
//! let (train, test) = digits();
//! let model = Sequential::new(64).dense(32).relu().dense(10);
//! let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
//!     .batch_size(32)
//!     .optimizer(Optimizer::sgd(0.1).with_momentum(0.9))
//!     .epochs(2);
//! let report = trainer.fit(&train, &test)?;
//! println!("test accuracy: {:.2} %", 100.0 * report.test_accuracy());
//! # Ok::<(), unisono::TrainError>(())
//! ```

#![warn(clippy::unwrap_used)]

/// Public for `main.rs`, which is a crate of its own; no part of the library's interface.
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod data;
mod disk;
pub mod engine;
#[cfg(feature = "export")]
pub mod export;
pub mod guide;
mod input;
#[cfg(any(feature = "run", feature = "study"))]
mod lock;
mod meant;
mod memory;
pub mod metrics;
pub mod nn;
pub mod optim;
mod output;
mod real;
#[cfg(feature = "report")]
pub mod report;
#[cfg(feature = "run")]
pub mod run;
pub mod seed;
#[cfg(feature = "study")]
pub mod stats;
#[cfg(feature = "study")]
pub mod study;
mod sync;
mod sys;
pub mod train;

/// Arrays, as signatures of this crate name them.
pub use ndarray;
pub use train::{TrainError, Trainer};

/// The README's examples, compiled and run as tests.
#[cfg(all(doctest, feature = "cli"))]
#[doc = include_str!("../README.md")]
struct Readme;
