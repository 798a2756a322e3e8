"""Makes tests/parity/stats.json with SciPy: quantiles, bootstrap intervals, Mann-Whitney's test, fits of the laws of scaling."""

import json
import pathlib

import numpy as np
import scipy
from scipy import optimize, stats

rng = np.random.default_rng(42)


def bootstrap(samples):
    found = stats.bootstrap((samples,), np.median, n_resamples=20_000, method="percentile", rng=rng, vectorized=True)
    return {
        "samples": samples.tolist(),
        "median": float(np.median(samples)),
        "low": float(found.confidence_interval.low),
        "high": float(found.confidence_interval.high),
        "error": float(found.standard_error),
    }


def mann_whitney(one, other):
    p = stats.mannwhitneyu(one, other, alternative="two-sided", method="auto").pvalue
    return {"one": one.tolist(), "other": other.tolist(), "p": float(p)}


def law(name, function, start, threads, true):
    rates = function(threads, *true) * (1 + 0.01 * rng.standard_normal(len(threads)))
    if name == "gustafson":
        residual = lambda c: (rates - function(threads, *c)) / rates
    else:
        # The fit is of n / x, relative to its measured value.
        residual = lambda c: ((threads / rates) - threads / function(threads, *c)) / (threads / rates)
    found = optimize.least_squares(residual, start, x_scale=np.abs(start) + 1e-3, xtol=1e-15, ftol=1e-15, gtol=1e-15)
    return {"law": name, "threads": threads.tolist(), "rates": rates.tolist(), "constants": found.x.tolist()}


threads = np.array([1.0, 2, 4, 8, 16, 32, 64])
fixtures = {
    "scipy": scipy.__version__,
    "bootstrap": [bootstrap(rng.lognormal(0, 0.2, n)) for n in (12, 25, 60)],
    "mann_whitney": [
        mann_whitney(rng.lognormal(0, 0.1, 7), rng.lognormal(0.05, 0.1, 6)),
        mann_whitney(rng.lognormal(0, 0.1, 30), rng.lognormal(0.1, 0.1, 40)),
        mann_whitney(np.arange(5.0), np.arange(6.0, 12.0)),
        mann_whitney(np.arange(3.0), np.arange(0.5, 30.0)),
        mann_whitney(np.arange(20.0), np.arange(30.0, 55.0)),
        mann_whitney(np.round(rng.lognormal(0, 0.1, 20), 1), np.round(rng.lognormal(0.05, 0.1, 25), 1)),
    ],
    "laws": [
        law("amdahl", lambda n, r, s: r * n / (1 + s * (n - 1)), [900.0, 0.1], threads, (1000.0, 0.03)),
        law("gustafson", lambda n, r, s: r * (n - s * (n - 1)), [900.0, 0.1], threads, (1000.0, 0.06)),
        law("usl", lambda n, r, s, k: r * n / (1 + s * (n - 1) + k * n * (n - 1)), [900.0, 0.1, 1e-3], threads, (1000.0, 0.03, 4e-4)),
    ],
}
path = pathlib.Path(__file__).with_name("stats.json")
path.write_text(json.dumps(fixtures, indent=1) + "\n")
print(path, path.stat().st_size)
