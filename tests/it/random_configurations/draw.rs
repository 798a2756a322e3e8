//! Drawing: numbers become a case that can be trained; of each number 0 stands for the plainest, so
//! that smaller numbers, to which a failure is shrunk, are a plainer case.

use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use unisono::engine::UpdateMode;
use unisono::engine::all_reduce;
use unisono::nn::{Isa, Precision};

use super::case::{Case, Execution};
use super::trained::{LOSSES, OPTIMIZERS, model};

/// Numbers that a case is made of: layers, settings, and who computes it.
#[derive(Clone, Debug)]
struct Drawn {
    layers: Vec<u16>,
    settings: Vec<u16>,
    by: Vec<u8>,
    then: Vec<u8>,
}

/// Cases.
pub(super) fn cases() -> impl Strategy<Value = Case> {
    let drawn = (
        vec(any::<u16>(), 0..6),
        vec(any::<u16>(), 17),
        vec(any::<u8>(), 6),
        vec(any::<u8>(), 6),
    );
    drawn.prop_map(|(layers, settings, by, then)| {
        Drawn {
            layers,
            settings,
            by,
            then,
        }
        .case()
    })
}

/// Takes numbers one by one.
struct Numbers<'a, T>(std::slice::Iter<'a, T>);

impl<T: Copy + Into<usize>> Numbers<'_, T> {
    fn below(&mut self, bound: usize) -> usize {
        let number = self.0.next().copied().expect("as many numbers as are used");
        number.into() % bound
    }

    fn of<'t, V: ?Sized>(&mut self, choices: &[&'t V]) -> &'t V {
        choices[self.below(choices.len())]
    }
}

/// A batch, and how it is cut.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    rows: usize,
    batch: usize,
    shards: usize,
}

impl Drawn {
    fn case(&self) -> Case {
        let mut numbers = Numbers(self.settings.iter());
        // Rows, and their cut into batches and shards: few steps, so that there can be many cases.
        let rows = 1 + numbers.below(40);
        let sizes = Sizes {
            rows,
            batch: (1 + numbers.below(20)).max(rows.div_ceil(8)),
            shards: 1 + numbers.below(20),
        };
        let epochs = 1 + numbers.below(3) as u32;
        // What rows are, what stands between them and the outputs, and a loss for these.
        let data = numbers.of(DATA);
        let keeps_positions = numbers.below(2) == 1;
        let (layers, is_per_position) = self.layers(data, keeps_positions);
        let loss = numbers.of(&losses(data, is_per_position));
        let classes = 2 + numbers.below(4);
        let layers = match data.split_once(" of ") {
            Some((_, tokens)) => format!("{layers}dense {tokens}"),
            None => format!("{layers}dense {classes}"),
        };
        // Settings that decide on the bits.
        let optimizer = numbers.of(&OPTIMIZERS.map(|(name, _)| name));
        let schedule = numbers.of(SCHEDULES);
        let has_norm = layers.contains("batch-norm");
        let drawn = policy(numbers.below(7), sizes.batch, has_norm);
        // States that are carried from batch to batch are in no checkpoint, and go by the place in
        // the batch: a cut within an epoch is warned of, and batches that grow are refused.
        let carries = layers.contains("carry");
        let policy = if carries { "fixed".to_owned() } else { drawn };
        let sampling = numbers.of(&["shuffle", "in order", "balanced", "windows", "by length"]);
        let rule = numbers.of(&["nothing", "early stopping", "plateau"]);
        let precision = Precision::ALL[numbers.below(Precision::ALL.len())];
        let flags = numbers.below(4);
        let mut sizes = sizes.allowed(&layers, &policy);
        if carries {
            sizes.rows = sizes.rows.next_multiple_of(sizes.batch);
        }
        Case {
            data: data.to_owned(),
            rows: sizes.rows,
            weighted: flags & 1 == 1,
            augmented: flags & 2 == 2 && data.starts_with("images"),
            layers,
            loss: loss.to_owned(),
            optimizer: optimizer.to_owned(),
            schedule: schedule.to_owned(),
            policy,
            sampling: sampling.to_owned(),
            rule: rule.to_owned(),
            precision: precision.to_string(),
            batch: sizes.batch,
            shards: sizes.shards,
            epochs,
            cut: numbers.below(12) as u64 * u64::from(!carries),
            seed: numbers.below(1 << 16) as u64,
            by: execution(&self.by, sizes.shards),
            then: execution(&self.then, sizes.shards),
        }
    }

    /// Layers that rows of `data` can pass, one after another, and whether the outputs are of each
    /// position.
    fn layers(&self, data: &str, keeps_positions: bool) -> (String, bool) {
        let of_tokens = data.starts_with("tokens");
        let mut text = if of_tokens { "embedding 6, " } else { "" }.to_owned();
        let axes = |text: &str| {
            let shape = model(data, text.trim_end_matches(", ")).and_then(|model| {
                let shape = model.output_shape()?;
                Ok(shape.axes().to_vec())
            });
            shape.ok()
        };
        for &number in &self.layers {
            let shape = axes(&text).expect("it has been passed before");
            let choices = choices(&shape);
            let (choice, size) = (usize::from(number) % choices.len(), number / 256);
            let width = [1, 3, 8, 16, 17, 33, 70][usize::from(size) % 7];
            let layer = choices[choice].replace('W', &width.to_string());
            // Pools and windows that are larger than what they get are left out, and for tokens, of
            // which each has a label, those that give fewer positions.
            let longer = format!("{text}{layer}, ");
            if axes(&longer).is_some_and(|axes| !of_tokens || axes[0] == shape[0]) {
                text = longer;
            }
        }
        let shape = axes(&text).expect("it has been passed before");
        let keeps_positions = of_tokens || (keeps_positions && shape.len() == 2);
        if !keeps_positions && shape.len() > 1 {
            text.push_str("flatten, ");
        }
        (text, keeps_positions)
    }
}

impl Sizes {
    /// The next ones that are allowed: policies that follow shards have two, and a batch norm has no
    /// single rows.
    fn allowed(self, layers: &str, policy: &str) -> Self {
        let Self {
            mut rows,
            mut batch,
            mut shards,
        } = self;
        if ["cabs", "noise", "adascale"].contains(&policy.split(' ').next().unwrap_or_default()) {
            shards = shards.max(2);
        }
        if layers.contains("batch-norm") {
            rows = rows.max(2);
            batch = batch.max(2);
            shards = shards.min((batch.min(rows) / 2).max(1));
        }
        Self {
            rows,
            batch,
            shards,
        }
    }
}

/// What rows may be.
const DATA: &[&str] = &[
    "numbers 5",
    "images 6x6x1",
    "sequences 5x3",
    "tokens 6 of 9",
    "numbers 1",
    "images 5x7x3",
    "sequences 1x8",
    "numbers 61",
    "tokens 3 of 70",
    "numbers 300",
];

const SCHEDULES: &[&str] = &[
    "constant",
    "warmup 3 steps, cosine over 9 steps",
    "step 0.5 every 2 steps",
    "wsd stable 3 decay 4 steps",
    "rsqrt after 20 examples",
    "linear to 0.1 over 2 epochs",
];

/// Losses for outputs of each position, or of each row.
fn losses(data: &str, is_per_position: bool) -> Vec<&'static str> {
    let fits = |loss: &&&str| match (is_per_position, data.starts_with("tokens")) {
        (_, true) => **loss == "classes of positions",
        (true, false) => **loss == "ctc",
        (false, false) => !["classes of positions", "ctc"].contains(*loss),
    };
    LOSSES.iter().filter(fits).copied().collect()
}

/// A policy for batches that begin at so many rows; sizes that change may leave a batch norm single
/// rows.
fn policy(number: usize, batch: usize, has_norm: bool) -> String {
    let (least, most) = (batch / 2, batch + 1 + batch / 2);
    match number {
        _ if has_norm => "fixed".to_owned(),
        1 => format!("staged to {most}"),
        2 => format!("adabatch 1.5 every 2 steps lr 0.9 to {most}"),
        3 if batch > 1 => format!("cabs {least}..{most}"),
        4 if batch > 1 => format!("noise {least}..{most} every 2 steps lr sqrt"),
        5 if batch > 1 => "adascale from 1".to_owned(),
        _ => "fixed".to_owned(),
    }
}

/// Layers that may follow an output of this shape; W is a width.
fn choices(shape: &[usize]) -> Vec<&'static str> {
    let any = [
        "relu",
        "tanh",
        "dropout 0.4",
        "gelu",
        "leaky-relu",
        "silu",
        "elu",
        "softplus",
        "sigmoid",
    ];
    let own: &[&str] = match shape.len() {
        1 => &[
            "dense W",
            "dense W, relu",
            "layer-norm",
            "rms-norm",
            "batch-norm",
            "batch-norm over the batch",
            "dense 8, residual(layer-norm, dense 8, gelu)",
            "dense 12, group-norm 3",
            "dense 260",
        ],
        2 => &[
            "conv1d W 2 causal",
            "lstm W",
            "gru W",
            "rnn W",
            "lstm 4 carry",
            "gru 3 layers 2 bidirectional",
            "dense 6, positions, attention 2 causal",
            "dense 6, residual(layer-norm, attention 3)",
            "layer-norm",
            "conv1d 5 3 pad 1 stride 2",
            "max-pool 2",
            "lstm 5 reversed",
            "dense W",
        ],
        _ => &[
            "conv W 3",
            "conv W 3 pad 1",
            "conv 8 3 pad 1, batch-norm, relu",
            "max-pool 2",
            "average-pool 2",
            "conv 6 1, group-norm 2",
            "conv 6 3 pad 1 stride 2 direct",
            "conv 8 1, conv 8 3 pad 1 groups 8",
            "conv 8 1, residual(conv 8 3 pad 1, relu)",
            "global-average-pool",
        ],
    };
    // Its own ones three times as often.
    [own, own, own, &any].concat()
}

fn execution(numbers: &[u8], shards: usize) -> Execution {
    let mut numbers = Numbers(numbers.iter());
    let ranks = 1 + numbers.below(5).saturating_sub(2).min(shards - 1);
    let threads = 1 + numbers.below(13) % (13 / ranks);
    let available = Isa::available();
    Execution {
        ranks,
        threads,
        all_reduce: all_reduce::ALL[numbers.below(all_reduce::ALL.len())]
            .name()
            .to_owned(),
        update: UpdateMode::ALL[numbers.below(UpdateMode::ALL.len())]
            .name()
            .to_owned(),
        isa: available[numbers.below(available.len())].name().to_owned(),
        balance: numbers.below(2) == 1,
    }
}
