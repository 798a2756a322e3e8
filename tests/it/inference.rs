//! Inference from a run's folder: beside the training, by many threads, and of no other model than
//! the one that was trained.

use std::path::PathBuf;

use ndarray::Array2;
use unisono::Trainer;
use unisono::data::{ImageShape, Preparation, RowKind, digits};
use unisono::export::{ExportError, read_safetensors, write_safetensors};
use unisono::nn::{Loss, Network, NnError, Predictor, Recurrent, Sequential};
use unisono::run::{RunError, RunFolder};
use unisono::train::{Checkpoints, TrainError};

fn folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("unisono-{name}-{}", std::process::id()))
}

fn model() -> Sequential {
    Sequential::new(64).dense(16).tanh().dense(10)
}

/// The digits as images.
fn preparation() -> Preparation {
    let shape = ImageShape {
        height: 8,
        width: 8,
        channels: 1,
    };
    let rows = RowKind::Images {
        shape,
        statistics: shape.plain(),
    };
    Preparation {
        rows,
        num_classes: 10,
        class_names: Vec::new(),
        targets: None,
        is_multi_label: false,
    }
}

#[test]
fn many_readers_find_the_newest_weights_beside_the_training_that_writes_them() {
    let folder = folder("readers");
    let run = RunFolder::create(&folder, "").unwrap();
    run.describe(&model(), Some(&preparation())).unwrap();
    // Before the first checkpoint there is a model, and no network.
    let reader = RunFolder::read_only(&folder).unwrap();
    assert_eq!(reader.model().unwrap(), model());
    let none = reader.network().unwrap_err();
    assert!(matches!(none, RunError::NoCheckpoint { .. }), "{none}");
    let checkpoints = Checkpoints {
        every_steps: 1,
        keep: 1,
        ..Checkpoints::in_folder(run.checkpoints())
    };
    let (train, test) = digits();
    let mut trainer = Trainer::new(model(), Loss::SoftmaxCrossEntropy)
        .epochs(3)
        .threads(2)
        .checkpoints(checkpoints);
    // Each checkpoint takes the place of the one before while four others read.
    std::thread::scope(|scope| {
        let readers = [(); 4].map(|()| {
            scope.spawn(|| {
                for _ in 0..20 {
                    match reader.network() {
                        Ok(network) => assert_eq!(*network.model(), model()),
                        Err(RunError::NoCheckpoint { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        });
        trainer.fit(&train, &test).unwrap();
        readers
            .into_iter()
            .for_each(|reader| reader.join().unwrap());
    });
    let network = reader.network().unwrap();
    assert_eq!(network, trainer.network().unwrap());
    // The rows are those of the training, made of bytes in memory.
    let kept = reader.preparation().unwrap().unwrap();
    let shares = test.inputs().mapv(|share| (255.0 * share).round() as u8);
    let pixels: Vec<u8> = shares.into_iter().collect();
    let rows = kept.rows_of_pixels(&pixels).unwrap();
    let right = network.classify(rows.inputs().view()).unwrap();
    assert_eq!(right, network.classify(test.inputs()).unwrap());
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn another_activation_is_refused_when_weights_are_read() {
    let folder = folder("other-model");
    let network = Network::new(model(), 1).unwrap();
    let run = RunFolder::create(&folder, "").unwrap();
    let file = folder.join("model.safetensors");
    write_safetensors(&file, &network, &[("step", "9")]).unwrap();
    let other = || Sequential::new(64).dense(16).relu().dense(10);
    // By the file of the weights alone,
    let error = read_safetensors(&file, other()).unwrap_err();
    assert!(matches!(error, ExportError::Weights { .. }), "{error}");
    let told = "expected weights of a model with activation relu as layer 1, got activation tanh as layer 1";
    assert!(error.to_string().contains(told), "{error}");
    // which says what its model is,
    let reader = RunFolder::read_only(&folder).unwrap();
    assert_eq!(reader.network().unwrap(), network);
    // and by the run's description, which holds for checkpoints too.
    run.describe(&model(), None).unwrap();
    let error = reader.network_of(other()).unwrap_err();
    assert!(matches!(error, RunError::File { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("a model with activation relu as layer 1"),
        "{error}"
    );
    assert_eq!(reader.network_of(model()).unwrap(), network);
    // A description that is none, and none at all.
    run.write("model.json", b"{}").unwrap();
    let error = reader.network().unwrap_err();
    assert!(
        error
            .to_string()
            .contains("expected a model, as it was written"),
        "{error}"
    );
    std::fs::remove_file(folder.join("model.json")).unwrap();
    std::fs::remove_file(&file).unwrap();
    let error = reader.network().unwrap_err();
    assert!(matches!(error, RunError::NoModel { .. }), "{error}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_predictor_gives_the_same_bits_to_every_thread_and_is_whole_after_an_error() {
    fn shared<T: Clone + Send + Sync + 'static>(value: T) -> T {
        value
    }
    let model = Sequential::new([12, 3])
        .layer(Recurrent::gru(8))
        .flatten()
        .dense(4);
    let network = Network::new(model, 7).unwrap();
    let rows = Array2::from_shape_fn((600, 36), |(row, at)| ((row * 7 + at) % 13) as f32 / 13.0);
    let expected = network.predict(rows.view()).unwrap();
    let predictor: Predictor = shared(network.predictor().unwrap());
    drop(network);
    let threads: Vec<_> = (0..8)
        .map(|at| {
            let (predictor, rows) = (predictor.clone(), rows.clone());
            std::thread::spawn(move || {
                for count in [1 + at, 600, 257] {
                    let wide = predictor.predict(Array2::zeros((1, 35)).view());
                    assert!(matches!(wide, Err(NnError::InputWidth { .. })));
                    let part = rows.slice(ndarray::s![..count, ..]);
                    let found = predictor.predict(part).unwrap();
                    assert_eq!(found, predictor.predict(part).unwrap());
                }
                predictor.predict(rows.view()).unwrap()
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), expected);
    }
}

#[test]
fn a_run_that_cannot_be_read_says_why() {
    let error = RunFolder::read_only("no/such/run").unwrap_err();
    assert!(matches!(error, RunError::NotARun { .. }));
    let folder = folder("own-layer");
    let run = RunFolder::create(&folder, "").unwrap();
    let own = r#"{"layer":"own","settings":{"name":"gain","debug":"Gain"}}"#;
    let text = format!(r#"{{"input":[4],"padding":null,"layers":[{own}]}}"#);
    run.write("model.json", text.as_bytes()).unwrap();
    let error = RunFolder::read_only(&folder)
        .unwrap()
        .network()
        .unwrap_err();
    let is_own = matches!(
        error,
        RunError::Train(TrainError::Model(NnError::OwnLayer { .. }))
    );
    assert!(is_own, "{error}");
    std::fs::remove_dir_all(folder).unwrap();
}
