//! Medians, intervals, tests and fits agree with SciPy's, on fixtures made by
//! `tests/parity/make_stats_fixtures.py`.

use serde_json::Value;
use unisono::stats::{Bootstrap, Law, mann_whitney, quantile};

fn fixtures(name: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../parity/stats.json")).unwrap();
    all[name].as_array().unwrap().clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    let values = value.as_array().unwrap().iter();
    values.map(|value| value.as_f64().unwrap()).collect()
}

#[test]
fn bootstrap_intervals_of_a_median_are_scipys_up_to_the_noise_of_resampling() {
    for case in fixtures("bootstrap") {
        let samples = numbers(&case["samples"]);
        let of = |rounds: &[u32]| {
            let drawn: Vec<f64> = rounds.iter().map(|&k| samples[k as usize]).collect();
            quantile(&drawn, 0.5)
        };
        let estimate = Bootstrap::new(samples.len(), 20_000, 1).estimate(of);
        let [median, low, high, error] =
            ["median", "low", "high", "error"].map(|key| case[key].as_f64().unwrap());
        assert!((estimate.value - median).abs() < 1e-12);
        // Both resample; an interval's end moves by a few per cent of the standard error.
        let (lower, upper) = estimate.interval().unwrap();
        assert!((lower - low).abs() < 0.15 * error, "{estimate}, {low}");
        assert!((upper - high).abs() < 0.15 * error, "{estimate}, {high}");
    }
}

#[test]
fn mann_whitneys_test_is_scipys() {
    for case in fixtures("mann_whitney") {
        let p = mann_whitney(&numbers(&case["one"]), &numbers(&case["other"]));
        let expected = case["p"].as_f64().unwrap();
        assert!((p - expected).abs() < 1e-6, "{p}, {expected}");
    }
}

#[test]
fn the_laws_have_the_constants_of_scipys_least_squares() {
    for case in fixtures("laws") {
        let law = match case["law"].as_str().unwrap() {
            "amdahl" => Law::Amdahl,
            "gustafson" => Law::Gustafson,
            _ => Law::Usl,
        };
        let points = numbers(&case["threads"])
            .into_iter()
            .zip(numbers(&case["rates"]));
        let fit = law.fit(&points.collect::<Vec<_>>()).unwrap();
        let expected = numbers(&case["constants"]);
        let found = [fit.rate, fit.sigma, fit.kappa];
        for (found, expected) in found.iter().zip(&expected) {
            assert!(
                (found / expected - 1.0).abs() < 1e-5,
                "{law:?}: {found}, {expected}"
            );
        }
    }
    assert!(Law::Usl.fit(&[(1.0, 10.0), (2.0, 18.0)]).is_none());
}
