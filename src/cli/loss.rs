//! Loss of a training: what the labels are and the section `[loss]` decide it.

use crate::data::{Dataset, Labels, Preparation};
use crate::nn::{CrossEntropy, Loss, MseConvention};

use super::choices::LOSSES;
use super::error::{ArgError, refused, refused_name};
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
    let is_multi_label = preparation.is_some_and(|known| known.is_multi_label);
    match (train.labels(), preparation) {
        (Labels::Values(_), Some(known)) if is_multi_label => {
            args.refuse_options("label sets", "a row has any number of them")?;
            match name {
                None | Some("bce") => args.binary_cross_entropy(&known.class_names, train),
                Some(other) => Err(refused("loss", "bce for label sets", other)),
            }
        }
        _ if args.positive_weights.is_some() => Err(ArgError::Unused {
            what: "--positive-weights".to_owned(),
            to: "this training".to_owned(),
            why: "its rows are not labelled with label sets (--task multi-label)",
        }),
        (Labels::Values(_), _) => {
            args.refuse_options("a regression", "its labels are of no class")?;
            match name {
                None | Some("mse") => Ok(Loss::Mse(MseConvention::MeanOverAll)),
                Some("l1") => Ok(Loss::L1),
                Some("huber") => Ok(Loss::Huber(args.huber_delta.unwrap_or(1.0))),
                Some(other) => Err(refused("loss", "mse, l1 or huber for a regression", other)),
            }
        }
        _ if name.is_some_and(|name| name != "cross-entropy") => {
            let expected =
                "cross-entropy for classes; --task regress predicts values, multi-label label sets";
            Err(refused("loss", expected, name.unwrap_or_default()))
        }
        (Labels::Classes(count), _) => {
            let class = |class: usize| match preparation {
                Some(preparation) => preparation.class(class),
                None => class.to_string(),
            };
            let names: Vec<String> = (0..count).map(class).collect();
            args.cross_entropy(&names, train)
        }
        (Labels::Sequence { .. } | Labels::None, _) => {
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
                list => listed_weights(list, names, "class-weights")?,
            };
            options = options.weights(weights);
        }
        Ok(Loss::CrossEntropy(options))
    }
}

impl LossArgs {
    /// Binary cross-entropy, for labels of these names.
    fn binary_cross_entropy(
        &self,
        names: &[String],
        train: &dyn Dataset,
    ) -> Result<Loss, ArgError> {
        let weights = match self.positive_weights.as_deref() {
            None => return Ok(Loss::BinaryCrossEntropy),
            Some("balanced") => balanced_positives(train, names.len()),
            Some(list) => listed_weights(list, names, "positive-weights")?,
        };
        Ok(Loss::WeightedBinaryCrossEntropy(weights.into()))
    }
}

/// Of each label, the training rows without it over those with it; 1 for a label that none has.
fn balanced_positives(train: &dyn Dataset, count: usize) -> Vec<f32> {
    let mut rows_of = vec![0_u64; count];
    let rows: Vec<u32> = (0..train.len() as u32).collect();
    for rows in rows.chunks(BLOCK) {
        let mut values = vec![0.0; rows.len() * count];
        train.gather_values(rows, &mut values);
        for (at, &value) in values.iter().enumerate() {
            rows_of[at % count] += u64::from(value > 0.5);
        }
    }
    let all = rows.len() as u64;
    let weight = |&rows: &u64| match rows {
        0 => 1.0,
        rows => ((all - rows) as f64 / rows as f64) as f32,
    };
    rows_of.iter().map(weight).collect()
}

/// The place of a class among all.
fn place(names: &[String], name: &str, flag: &'static str) -> Result<usize, ArgError> {
    let found = names.iter().position(|known| known == name);
    found.ok_or_else(|| {
        let first: Vec<&str> = names.iter().take(PRINTED).map(String::as_str).collect();
        let more = if names.len() > PRINTED { ", ..." } else { "" };
        let what = match flag {
            "positive-weights" => "labels",
            _ => "classes",
        };
        let expected = format!("one of the {what} {}{more}", first.join(", "));
        let known = names.iter().map(String::as_str);
        refused_name(refused(flag, expected, name), name, known)
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

/// `1,2,0.5` in the order of the classes or labels, or `cat=2,dog=0.5` for some.
fn listed_weights(list: &str, names: &[String], flag: &'static str) -> Result<Vec<f32>, ArgError> {
    let odd = |expected: String| refused(flag, expected, list);
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
            weights[place(names, name.trim(), flag)?] = number(weight)?;
        }
        weights
    } else {
        let weights: Result<Vec<f32>, ArgError> = words.into_iter().map(number).collect();
        weights?
    };
    if weights.len() != names.len() {
        let count = names.len();
        return Err(odd(format!(
            "balanced, {count} numbers, one for each in order, or NAME=NUMBER for some"
        )));
    }
    match weights.iter().any(|weight| *weight > 0.0) {
        true => Ok(weights),
        false => Err(odd("above 0 for some of them".to_owned())),
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
        Loss::BinaryCrossEntropy => Some("binary cross-entropy, mean over the labels".to_owned()),
        Loss::WeightedBinaryCrossEntropy(weights) => Some(format!(
            "binary cross-entropy, mean over the labels, weights of positives {}",
            weights_text(weights)
        )),
        other => Some(format!("{other:?}")),
    }
}

/// The first weights.
fn weights_text(weights: &[f32]) -> String {
    let first = weights.iter().take(PRINTED);
    let first: Vec<String> = first.map(|weight| format!("{weight:.4}")).collect();
    match weights.len().saturating_sub(PRINTED) {
        0 => first.join(" "),
        more => format!("{} and {more} more", first.join(" ")),
    }
}

fn cross_entropy_text(options: &CrossEntropy) -> String {
    let mut text = "cross-entropy".to_owned();
    if options.label_smoothing() > 0.0 {
        text += &format!(", label smoothing {}", options.label_smoothing());
    }
    if let Some(weights) = options.class_weights() {
        text += &format!(", class weights {}", weights_text(weights));
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
    fn balanced_positives_weigh_as_much_as_the_rows_without_their_label() {
        let labels = ndarray::array![
            [1.0, 0.0, 0.0],
            [0.0, 0.0, 1.0],
            [0.0, 0.0, 1.0],
            [0.0, 0.0, 1.0]
        ];
        let data = ArrayDataset::values(Array2::zeros((4, 1)), labels).unwrap();
        assert_eq!(balanced_positives(&data, 3), [3.0, 1.0, 1.0 / 3.0]);
    }

    #[test]
    fn weights_are_given_in_order_or_by_name() {
        let names = ["cat", "dog", "a=b"].map(str::to_owned);
        let read = |list: &str| {
            listed_weights(list, &names, "class-weights").map_err(|error| error.to_string())
        };
        assert_eq!(read("1, 2,0.5"), Ok(vec![1.0, 2.0, 0.5]));
        assert_eq!(read("dog=3,a=b=0"), Ok(vec![1.0, 3.0, 0.0]));
        for (list, said) in [
            ("1,2", "3 numbers, one for each in order"),
            ("1,2,x", "finite numbers of at least 0"),
            ("1,2,-1", "finite numbers of at least 0"),
            ("0,0,0", "above 0 for some of them"),
            ("cow=2", "one of the classes cat, dog, a=b"),
        ] {
            let error = read(list).unwrap_err();
            assert!(error.contains(said), "{list}: {error}");
        }
    }
}
