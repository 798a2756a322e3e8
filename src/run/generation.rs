//! Text generation with a language model, token by token.

use ndarray::{Array2, ArrayView1};

use crate::nn::{Network, NnError, largest};
use crate::seed::{Purpose, Stream};

/// Steps of the random numbers that tokens are drawn with.
const GRAIN: u32 = 1 << 24;

/// How tokens are drawn.
///
/// ```
/// use unisono::{nn::{Network, presets}, run::Generation};
/// let model = presets::fitted("gpt", &[8], 20).unwrap().model;
/// let network = Network::new(model, 42)?;
/// let settings = Generation { temperature: 0.8, top_k: Some(5), seed: 7 };
/// let tokens = settings.continued(&network, &[1, 2, 3], 4, |_| ())?;
/// assert!(tokens.len() == 4 && tokens.iter().all(|&token| token < 20));
/// assert_eq!(settings.continued(&network, &[1, 2, 3], 4, |_| ())?, tokens);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Generation {
    /// Logits are divided by it: 0 takes the likeliest token, 1 draws from the model's
    /// distribution, more evens it out.
    pub temperature: f64,
    /// Only the likeliest tokens, so many and at least 1, are drawn from.
    pub top_k: Option<usize>,
    /// The seed of the draws.
    pub seed: u64,
}

impl Default for Generation {
    /// The model's own distribution, seed 42.
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top_k: None,
            seed: 42,
        }
    }
}

impl Generation {
    /// `count` tokens that follow `start`, one by one; `each` is called with every one. Of a text
    /// longer than the model's window it sees the end. The model gives, for rows (T), logits (T,
    /// V), and must not look ahead.
    ///
    /// # Errors
    /// [`NnError::NotText`] for a model that gives no distribution for each position; those of
    /// [`Network::predict`]; [`NnError::NotANumber`] for one that is NaN.
    ///
    /// # Panics
    /// If the temperature is negative or not finite, or `top_k` 0.
    pub fn continued(
        &self,
        network: &Network,
        start: &[u32],
        count: usize,
        mut each: impl FnMut(u32),
    ) -> Result<Vec<u32>, NnError> {
        assert!(
            self.temperature >= 0.0 && self.temperature.is_finite() && self.top_k != Some(0),
            "a text needs a temperature of 0 or more and a top_k of 1 or more, got {self:?}"
        );
        let (input, output) = (network.model().inputs(), network.model().output_shape()?);
        let &[context, vocabulary] = output.axes() else {
            return Err(NnError::NotText { output });
        };
        if context != input {
            return Err(NnError::NotText { output });
        }
        // A text begins with its first token, whatever that is.
        let mut text = if start.is_empty() {
            vec![0]
        } else {
            start.to_vec()
        };
        let begun = text.len();
        let predictor = network.predictor()?;
        for at in 0..count {
            let seen = &text[text.len().saturating_sub(context)..];
            // Behind the text the window is filled up: nothing looks there.
            let mut window = Array2::zeros((1, context));
            let places = window.iter_mut().zip(seen);
            places.for_each(|(to, &token)| *to = token as f32);
            let logits = predictor.predict(window.view())?;
            let last = (seen.len() - 1) * vocabulary;
            let logits = logits.row(0);
            let logits = logits.slice(ndarray::s![last..last + vocabulary]);
            largest(logits, 0)?;
            let next = self.draw(logits, at as u32);
            text.push(next);
            each(next);
        }
        Ok(text.split_off(begun))
    }

    /// A token drawn from the distribution.
    fn draw(&self, logits: ArrayView1<'_, f32>, place: u32) -> u32 {
        let mut order: Vec<usize> = (0..logits.len()).collect();
        // Of equals the first, so that a draw is the same everywhere.
        order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
        order.truncate(self.top_k.unwrap_or(order.len()));
        if self.temperature == 0.0 {
            return order[0] as u32;
        }
        let most = f64::from(logits[order[0]]);
        let power =
            |&token: &usize| libm::exp((f64::from(logits[token]) - most) / self.temperature);
        let powers: Vec<f64> = order.iter().map(power).collect();
        let sum: f64 = powers.iter().sum();
        let mut random = Stream::new(self.seed, Purpose::Generation, place, 0);
        let mut left = sum * f64::from(random.below(GRAIN)) / f64::from(GRAIN);
        let found = powers.iter().position(|power| {
            left -= power;
            left < 0.0
        });
        order[found.unwrap_or(order.len() - 1)] as u32
    }
}
