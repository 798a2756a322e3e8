//! Loss of a training: what the labels are and the section `[loss]` decide it.

use crate::data::{Dataset, Labels, Preparation};
use crate::nn::{CrossEntropy, Loss, MseConvention};

use super::choices::LOSSES;
use super::error::{ArgError, refused};
use super::options::LossArgs;

/// Rows whose classes are counted together.
const BLOCK: usize = 4096;

/// Class weights that are printed.
const PRINTED: usize = 10;

/// Refuses what cannot be right whatever the labels are.
pub(super) fn check(args: &LossArgs) -> Result<(), ArgError> {
    args.loss
        .as_deref()
        .map(|name| LOSSES.of(name))
        .transpose()?;
    match args.huber_delta {
        Some(delta) if args.loss.as_deref() != Some("huber") => {
            let expected = "given beside --loss huber, whose bound it is";
            Err(refused("huber-delta", expected, &delta.to_string()))
        }
        _ => Ok(()),
    }
}

/// The loss of a training on `train`, whose classes have the names of `preparation`.
pub(super) fn loss(
    args: &LossArgs,
    preparation: Option<&Preparation>,
    train: &dyn Dataset,
) -> Result<Loss, ArgError> {
    let name = args.loss.as_deref();
    match train.labels() {
        Labels::Values(_) => {
            args.refuse_options("a regression", "its labels are of no class")?;
            match name {
                None | Some("mse") => Ok(Loss::Mse(MseConvention::MeanOverAll)),
                Some("l1") => Ok(Loss::L1),
                Some("huber") => Ok(Loss::Huber(args.huber_delta.unwrap_or(1.0))),
                Some(other) => Err(refused("loss", "mse, l1 or huber for a regression", other)),
            }
        }
        _ if name.is_some_and(|name| name != "cross-entropy") => {
            let expected = "cross-entropy for classes; --task regress predicts values";
            Err(refused("loss", expected, name.unwrap_or_default()))
        }
        Labels::Classes(count) => {
            let class = |class: usize| match preparation {
                Some(preparation) => preparation.class(class),
                None => class.to_string(),
            };
            let names: Vec<String> = (0..count).map(class).collect();
            args.cross_entropy(&names, train)
        }
        Labels::Sequence { .. } | Labels::None => {
            let plain = LossArgs {
                label_smoothing: None,
                ..args.clone()
            };
            plain.refuse_options("a language model", "its labels are the next tokens")?;
            args.cross_entropy(&[], train)
        }
    }
}

impl LossArgs {
    /// The share of label smoothing, if there is any.
    fn smoothing(&self) -> Option<f32> {
        self.label_smoothing.filter(|share| *share > 0.0)
    }

    /// Refuses what is only for classes.
    fn refuse_options(&self, to: &str, why: &'static str) -> Result<(), ArgError> {
        let options = [
            ("--label-smoothing", self.smoothing().is_some()),
            ("--class-weights", self.class_weights.is_some()),
            ("--ignore-label", self.ignore_label.is_some()),
        ];
        match options.into_iter().find(|(_, is_given)| *is_given) {
            None => Ok(()),
            Some((what, _)) => Err(ArgError::Unused {
                what: what.to_owned(),
                to: to.to_owned(),
                why,
            }),
        }
    }

    /// Cross-entropy with the options, for classes of these names.
    fn cross_entropy(&self, names: &[String], train: &dyn Dataset) -> Result<Loss, ArgError> {
        let is_plain = self.smoothing().is_none()
            && self.class_weights.is_none()
            && self.ignore_label.is_none();
        if is_plain {
            return Ok(Loss::SoftmaxCrossEntropy);
        }
        let ignored = self.ignore_label.as_deref();
        let ignored = ignored.map(|name| place(names, name, "ignore-label"));
        let ignored = ignored.transpose()?;
        let mut options = CrossEntropy::default().smoothing(self.smoothing().unwrap_or(0.0));
        if let Some(class) = ignored {
            options = options.ignore(class as u32);
        }
        if let Some(text) = &self.class_weights {
            let weights = match text.as_str() {
                "balanced" => balanced(train, names.len(), ignored),
                list => listed_weights(list, names)?,
            };
            options = options.weights(weights);
        }
        Ok(Loss::CrossEntropy(options))
    }
}

/// The place of a class among all.
fn place(names: &[String], name: &str, flag: &'static str) -> Result<usize, ArgError> {
    let found = names.iter().position(|known| known == name);
    found.ok_or_else(|| {
        let first: Vec<&str> = names.iter().take(PRINTED).map(String::as_str).collect();
        let more = if names.len() > PRINTED { ", ..." } else { "" };
        let expected = format!("one of the classes {}{more}", first.join(", "));
        refused(flag, expected, name)
    })
}

/// One over the number of each class's training rows, times what makes their mean over the rows 1;
/// 1 for a class without rows.
fn balanced(train: &dyn Dataset, count: usize, ignored: Option<usize>) -> Vec<f32> {
    let mut rows_of = vec![0_u64; count];
    let rows: Vec<u32> = (0..train.len() as u32).collect();
    for rows in rows.chunks(BLOCK) {
        let mut classes = vec![0; rows.len()];
        train.gather_classes(rows, &mut classes);
        classes
            .iter()
            .for_each(|&class| rows_of[class as usize] += 1);
    }
    if let Some(class) = ignored {
        rows_of[class] = 0;
    }
    let present = rows_of.iter().filter(|rows| **rows > 0).count() as f64;
    let all = rows_of.iter().sum::<u64>() as f64;
    let weight = |&rows: &u64| match rows {
        0 => 1.0,
        rows => (all / (present * rows as f64)) as f32,
    };
    rows_of.iter().map(weight).collect()
}

/// `1,2,0.5` in the order of the classes, or `cat=2,dog=0.5` for some.
fn listed_weights(list: &str, names: &[String]) -> Result<Vec<f32>, ArgError> {
    let odd = |expected: String| refused("class-weights", expected, list);
    let number = |text: &str| {
        let number = text.trim().parse().ok();
        let number = number.filter(|weight: &f32| weight.is_finite() && *weight >= 0.0);
        number.ok_or_else(|| odd("balanced, or finite numbers of at least 0".to_owned()))
    };
    let words: Vec<&str> = list.split(',').map(str::trim).collect();
    let weights = if words.iter().all(|word| word.contains('=')) {
        let mut weights = vec![1.0; names.len()];
        for word in words {
            let (name, weight) = word.rsplit_once('=').unwrap_or_default();
            weights[place(names, name.trim(), "class-weights")?] = number(weight)?;
        }
        weights
    } else {
        let weights: Result<Vec<f32>, ArgError> = words.into_iter().map(number).collect();
        weights?
    };
    if weights.len() != names.len() {
        let count = names.len();
        return Err(odd(format!(
            "balanced, {count} numbers, one for each class in order, or CLASS=NUMBER for some"
        )));
    }
    match weights.iter().any(|weight| *weight > 0.0) {
        true => Ok(weights),
        false => Err(odd("above 0 for some class".to_owned())),
    }
}

/// The class whose rows count for nothing.
pub(super) fn ignored_class(loss: &Loss) -> Option<usize> {
    match loss {
        Loss::CrossEntropy(options) => options.ignored_class().map(|class| class as usize),
        _ => None,
    }
}

/// The loss in words; nothing for that of every classifier.
pub(super) fn loss_text(loss: &Loss) -> Option<String> {
    match loss {
        Loss::SoftmaxCrossEntropy => None,
        Loss::Mse(_) => Some("mean squared error of standardised targets".to_owned()),
        Loss::L1 => Some("mean absolute error of standardised targets".to_owned()),
        Loss::Huber(delta) => Some(format!(
            "Huber's with delta {delta}, of standardised targets"
        )),
        Loss::CrossEntropy(options) => Some(cross_entropy_text(options)),
        other => Some(format!("{other:?}")),
    }
}

fn cross_entropy_text(options: &CrossEntropy) -> String {
    let mut text = "cross-entropy".to_owned();
    if options.label_smoothing() > 0.0 {
        text += &format!(", label smoothing {}", options.label_smoothing());
    }
    if let Some(weights) = options.class_weights() {
        let first = weights.iter().take(PRINTED);
        let first: Vec<String> = first.map(|weight| format!("{weight:.4}")).collect();
        let more = weights.len().saturating_sub(PRINTED);
        let more = match more {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        text += &format!(", class weights {}{more}", first.join(" "));
    }
    if let Some(class) = options.ignored_class() {
        text += &format!(", rows of class number {class} left out");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ArrayDataset;
    use ndarray::Array2;

    fn rows(classes: &[u32], count: usize) -> ArrayDataset {
        ArrayDataset::classes(Array2::zeros((classes.len(), 1)), classes, count).unwrap()
    }

    #[test]
    fn balanced_weights_are_one_over_the_rows_of_a_class_and_1_on_average() {
        // Those of scikit-learn: compute_class_weight("balanced", classes=[0, 1], y=[0, 0, 0, 1]).
        let data = rows(&[0, 0, 0, 1], 2);
        assert_eq!(balanced(&data, 2, None), [4.0 / 6.0, 2.0]);
        // A class without rows, and one that is left out.
        let data = rows(&[0, 0, 0, 1, 3, 3], 4);
        assert_eq!(balanced(&data, 4, Some(3)), [4.0 / 6.0, 2.0, 1.0, 1.0]);
    }

    #[test]
    fn weights_are_given_in_order_or_by_name() {
        let names = ["cat", "dog", "a=b"].map(str::to_owned);
        let read = |list: &str| listed_weights(list, &names).map_err(|error| error.to_string());
        assert_eq!(read("1, 2,0.5"), Ok(vec![1.0, 2.0, 0.5]));
        assert_eq!(read("dog=3,a=b=0"), Ok(vec![1.0, 3.0, 0.0]));
        for (list, said) in [
            ("1,2", "3 numbers, one for each class"),
            ("1,2,x", "finite numbers of at least 0"),
            ("1,2,-1", "finite numbers of at least 0"),
            ("0,0,0", "above 0 for some class"),
            ("cow=2", "one of the classes cat, dog, a=b"),
        ] {
            let error = read(list).unwrap_err();
            assert!(error.contains(said), "{list}: {error}");
        }
    }
}
