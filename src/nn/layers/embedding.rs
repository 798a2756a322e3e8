//! Embeddings of tokens: plain (`embedding`), and with a head tied to it (`tied`).
//!
//! # Shapes
//! Tokens: (B, T), whole numbers below V as `f32` (exact up to 2^24); embedded: (B, T, C); logits:
//! (B, T, V).
//!
//! # The tied head
//! `logits = body(E[tokens]) E'`: one matrix E of (V, C) does both. Its gradient has two parts,
//! from the head and from the embedding, and a shard's leaf of the tree must hold both (else the
//! order of additions would depend on who folds which node). So both are one product:
//! `[dlogits; onehot]' [h; dE]`, rows of a shard together.
//!
//! # References
//! Press, Wolf: "Using the output embedding to improve language models", 2017.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::sequential::Sequential;
use super::sequential_layer::SequentialLayer;
use super::weight::Weight;
use crate::nn::core::{
    BackwardArgs, BlockContext, Build, Fans, Flops, Grads, Init, Layer, Op, Properties, Spec,
    TensorSpec, layer_json, tied_json,
};
use crate::nn::error::NnError;
use crate::nn::kernel::{Bias, Buffer, Ones, elementwise::add};
use crate::nn::shape::Shape;

/// A table of vectors, one a token: rows (T) to rows (T, C). Tokens are whole numbers below the
/// vocabulary, as `f32`.
///
/// ```
/// use unisono::nn::{Embedding, Sequential};
/// let model = Sequential::new([16]).layer(Embedding::new(65, 8));
/// assert_eq!(model.output_shape()?.axes(), [16, 8]);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedding {
    vocabulary: usize,
    channels: usize,
    weight: Init,
    #[serde(skip)]
    head: Option<Sequential>,
}

impl Embedding {
    /// Vectors of `channels` values for tokens below `vocabulary`; normal, deviation 1.
    pub fn new(vocabulary: usize, channels: usize) -> Self {
        Self {
            vocabulary,
            channels,
            weight: Init::Normal(1.0),
            head: None,
        }
    }

    /// The embedding, `body`, and a head without biases that uses the embedding's own matrix: rows
    /// (T) to logits (T, vocabulary). The body takes rows (T, C) and gives such rows again.
    ///
    /// ```
    /// use unisono::nn::{Embedding, Sequential};
    /// let body = Sequential::part().dense(8).tanh();
    /// let model = Sequential::new([16]).layer(Embedding::tied(65, 8, body));
    /// assert_eq!(model.output_shape()?.axes(), [16, 65]);
    /// assert_eq!(model.layout()?.num_params(), 65 * 8 + 8 * 8 + 8);
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    pub fn tied(vocabulary: usize, channels: usize, body: Sequential) -> Self {
        Self::new(vocabulary, channels).with_body(body)
    }

    /// The same with a body and a head behind it.
    pub(in crate::nn) fn with_body(mut self, body: Sequential) -> Self {
        self.head = Some(body);
        self
    }

    /// With other initial vectors.
    pub fn weight(self, init: Init) -> Self {
        Self {
            weight: init,
            ..self
        }
    }
}

impl Spec for Embedding {
    fn name(&self) -> &'static str {
        if self.head.is_some() {
            "tied_embedding"
        } else {
            "embedding"
        }
    }

    fn build(&self, input: &Shape, build: &mut Build) -> Result<Box<dyn Layer>, NnError> {
        let &[length] = input.axes() else {
            return Err(build.refuse("rows of shape T, a token a position", input));
        };
        if self.vocabulary == 0 || self.channels == 0 {
            let got = format!("{} and {}", self.vocabulary, self.channels);
            return Err(build.refuse("a vocabulary and channels of at least 1", got));
        }
        let table = Table {
            vocabulary: self.vocabulary,
            channels: self.channels,
            weight: self.weight,
        };
        // Alone, or with a body between the table and its transpose.
        let embedded = Shape::from([length, self.channels]);
        let Some(body) = &self.head else {
            return Ok(Box::new(EmbeddingLayer {
                table,
                output: embedded,
            }));
        };
        let body = body.build_part(&embedded, build)?;
        if *body.output() != embedded {
            let expected = format!("a body that gives {embedded} again");
            return Err(build.refuse(expected, body.output()));
        }
        Ok(Box::new(TiedLayer {
            matrix: Weight::new(self.vocabulary, self.channels, build.arithmetic),
            table,
            body,
            output: Shape::from([length, self.vocabulary]),
            buffers: Default::default(),
            shards: Vec::new(),
        }))
    }

    fn op(&self) -> Option<Op> {
        Some(match &self.head {
            Some(_) => Op::TiedEmbedding,
            None => Op::Embedding,
        })
    }

    fn branches(&self) -> Vec<Vec<Arc<dyn Spec>>> {
        let body = self.head.iter();
        body.map(|body| body.layers().to_vec()).collect()
    }

    fn to_json(&self) -> Option<String> {
        match &self.head {
            None => layer_json("embedding", self),
            Some(body) => tied_json(self, body.layers()),
        }
    }
}

/// What both layers know of their matrix.
#[derive(Clone, Copy, Debug)]
struct Table {
    vocabulary: usize,
    channels: usize,
    weight: Init,
}

impl Table {
    fn len(self) -> usize {
        self.vocabulary * self.channels
    }

    fn tensor(self) -> TensorSpec {
        let shape = [self.vocabulary, self.channels];
        TensorSpec::weight(
            "weight",
            &shape,
            self.weight,
            Fans {
                inputs: self.vocabulary,
                outputs: self.channels,
            },
        )
    }

    /// The token as an index.
    ///
    /// # Panics
    /// If it is not a whole number below the vocabulary.
    fn index(self, token: f32, position: usize, length: usize) -> usize {
        let index = token as usize;
        assert!(
            index as f32 == token && index < self.vocabulary,
            "token {token} of row {}, position {} is not below the vocabulary's {}",
            position / length,
            position % length,
            self.vocabulary
        );
        index
    }

    fn embed(self, weight: &[f32], tokens: &[f32], length: usize, y: &mut [f32]) {
        for (at, (y, &token)) in y.chunks_exact_mut(self.channels).zip(tokens).enumerate() {
            let index = self.index(token, at, length);
            y.copy_from_slice(&weight[index * self.channels..][..self.channels]);
        }
    }
}

/// An embedding at work.
#[derive(Debug)]
struct EmbeddingLayer {
    table: Table,
    output: Shape,
}

impl Layer for EmbeddingLayer {
    fn output(&self) -> &Shape {
        &self.output
    }

    fn tensors(&self) -> Vec<TensorSpec> {
        vec![self.table.tensor()]
    }

    fn forward(&mut self, _context: &BlockContext<'_>, params: &[f32], x: &[f32], y: &mut [f32]) {
        self.table.embed(params, x, self.output.positions(), y);
    }

    /// Tokens have no gradient: a wanted dx is zero.
    fn backward(
        &mut self,
        context: &BlockContext<'_>,
        args: BackwardArgs<'_>,
        grads: &mut Grads<'_>,
    ) {
        let (length, c) = (self.output.positions(), self.table.channels);
        grads.fold(context, |rows, leaf| {
            for at in rows.start * length..rows.end * length {
                let to = args.x[at] as usize * c;
                add(&mut leaf[to..to + c], &args.dy[at * c..(at + 1) * c]);
            }
        });
        if let Some(dx) = args.dx {
            dx.fill(0.0);
        }
    }

    fn properties(&self) -> Properties {
        Properties {
            vocabulary: Some(self.table.vocabulary),
            ..Properties::default()
        }
    }
}

/// An embedding with a body and a tied head at work.
#[derive(Debug)]
struct TiedLayer {
    table: Table,
    matrix: Weight,
    body: SequentialLayer,
    output: Shape,
    buffers: TiedBuffers,
    shards: Vec<Range<usize>>,
}

#[derive(Debug, Default)]
struct TiedBuffers {
    embedded: Buffer,
    hidden: Buffer,
}

impl TiedLayer {
    /// Lays out the rows of the product: for each shard its positions of the head, then those of
    /// the embedding.
    fn gradient_rows(
        &mut self,
        context: &BlockContext<'_>,
        tokens: &[f32],
        all_dlogits: &[f32],
        d_embedded: &[f32],
        left: &mut [f32],
        right: &mut [f32],
    ) {
        let (v, c, length) = (
            self.table.vocabulary,
            self.table.channels,
            self.output.positions(),
        );
        self.shards.clear();
        for rows in context.shards {
            let (count, at) = (rows.len() * length, rows.start * length..rows.end * length);
            let (first, end) = (2 * at.start, 2 * at.end);
            // Left, of V columns: gradients of the logits, then a one for each token.
            let (dlogits, hot) = left[first * v..end * v].split_at_mut(count * v);
            dlogits.copy_from_slice(&all_dlogits[at.start * v..at.end * v]);
            hot.fill(0.0);
            for (row, &token) in hot.chunks_exact_mut(v).zip(&tokens[at.clone()]) {
                row[token as usize] = 1.0;
            }
            // Right, of C columns: what the head took, then the embedding's gradient.
            let (hidden, embedded) = right[first * c..end * c].split_at_mut(count * c);
            hidden.copy_from_slice(&self.buffers.hidden[at.start * c..at.end * c]);
            embedded.copy_from_slice(&d_embedded[at.start * c..at.end * c]);
            self.shards.push(first..end);
        }
    }
}

impl Layer for TiedLayer {
    fn output(&self) -> &Shape {
        &self.output
    }

    fn tensors(&self) -> Vec<TensorSpec> {
        let mut all = vec![self.table.tensor()];
        all.extend(self.body.tensors());
        all
    }

    fn forward(&mut self, context: &BlockContext<'_>, params: &[f32], x: &[f32], y: &mut [f32]) {
        let (weight, own) = params.split_at(self.table.len());
        let len = x.len() * self.table.channels;
        let embedded = self.buffers.embedded.grow(len);
        self.table
            .embed(weight, x, self.output.positions(), embedded);
        let hidden = self.buffers.hidden.grow(len);
        self.body.forward(context, own, embedded, hidden);
        self.matrix.backward(weight, hidden, y, Bias::Zero);
    }

    fn backward(
        &mut self,
        context: &BlockContext<'_>,
        args: BackwardArgs<'_>,
        grads: &mut Grads<'_>,
    ) {
        let (weight, own) = args.params.split_at(self.table.len());
        let len = args.x.len() * self.table.channels;
        let buffers = &self.buffers;
        let [mut d_hidden, mut d_embedded] = [len; 2].map(|len| grads.workspace().take(len));
        let (hidden, embedded) = (&mut d_hidden[..len], &mut d_embedded[..len]);
        // Back through the head, then through the body.
        self.matrix.forward(weight, args.dy, hidden, Bias::Zero);
        let inner = BackwardArgs {
            params: own,
            x: &buffers.embedded[..len],
            y: &buffers.hidden[..len],
            dy: hidden,
            dx: Some(&mut *embedded),
        };
        let end = self.table.len() + own.len();
        self.body
            .backward(context, inner, &mut grads.part(self.table.len()..end));
        // The head's and the embedding's part of the matrix' gradient, as one product.
        let (vocabulary, channels) = (self.table.vocabulary, self.table.channels);
        let rows = 2 * args.x.len();
        let mut left = grads.workspace().take(rows * vocabulary);
        let mut right = grads.workspace().take(rows * channels);
        let own_left = &mut left[..rows * vocabulary];
        let own_right = &mut right[..rows * channels];
        self.gradient_rows(context, args.x, args.dy, embedded, own_left, own_right);
        let mut own = grads.part(0..self.table.len());
        self.matrix.gradient(
            own_left,
            own_right,
            Ones::None,
            context,
            &self.shards,
            &mut own,
        );
        let buffers = [d_hidden, d_embedded, left, right];
        grads.workspace().put_back(buffers);
        if let Some(dx) = args.dx {
            dx.fill(0.0);
        }
    }

    fn params_changed(&mut self) {
        self.matrix.params_changed();
        self.body.params_changed();
    }

    fn properties(&self) -> Properties {
        let body = self.body.properties();
        let (positions, channels) = (self.output.positions(), self.table.channels);
        let head = 2 * (positions * self.table.len()) as u64;
        let gradient_rows = 2 * positions * (self.table.vocabulary + channels);
        Properties {
            flops: [head.into(), body.flops].into_iter().sum(),
            // Tokens have no gradient, and everything before them needs one.
            input_gradient_flops: Some(Flops::default()),
            vocabulary: Some(self.table.vocabulary),
            needs_output: false,
            overwrites_gradient: true,
            bytes_per_row: 4 * (gradient_rows + 2 * positions * channels) + body.bytes_per_row,
            workspace_per_row: 8 * positions * channels + body.workspace_per_row,
            ..body
        }
    }
}
