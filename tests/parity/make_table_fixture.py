"""Makes tests/parity/tables.json with scikit-learn 1.5.2: a table with words and gaps, and the inputs that it becomes."""

import json
import pathlib

import numpy as np
import sklearn
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

ROWS = 60
random = np.random.default_rng(5)
ages = random.integers(1, 80, ROWS).astype(float)
fares = np.round(random.gamma(2.0, 15.0, ROWS), 2)
cities = random.choice(["Rome", "Oslo", "Bern", "Lima"], ROWS, p=[0.4, 0.3, 0.2, 0.1]).astype(object)
ports = random.choice(["S", "C", "Q"], ROWS, p=[0.6, 0.3, 0.1]).astype(object)
cities[7], cities[31], cities[30] = "Kyiv", "Baku", "Male"  # each comes once
ages[random.permutation(ROWS)[:9]] = np.nan
ports[random.permutation(ROWS)[:4]] = None
test = [1, 7, 12, 20, 33, 40, 47, 55]
train = [row for row in range(ROWS) if row not in test]


def parts(columns, fill, encode, missing):
    """Inputs of a column, and an indicator of its gaps beside them."""
    imputer = SimpleImputer(strategy=fill, missing_values=missing, add_indicator=True).fit(columns[train])
    filled = imputer.transform(columns)
    encode = ColumnTransformer([("values", encode, [0])], remainder="passthrough").fit(filled[train])
    return encode.transform(filled).astype(float)


def numbers(values):
    return parts(values.reshape(-1, 1), "median", StandardScaler(), np.nan)


def words(values):
    encoder = OneHotEncoder(min_frequency=2, handle_unknown="infrequent_if_exist", sparse_output=False)
    return parts(values.reshape(-1, 1), "most_frequent", encoder, None)


inputs = np.hstack([numbers(ages), words(cities), numbers(fares), words(ports)])
lines = ["age,city,fare,port,kind"]
for row in range(ROWS):
    age = "" if np.isnan(ages[row]) else f"{ages[row]:g}"
    lines.append(f"{age},{cities[row]},{fares[row]},{ports[row] or ''},{['no', 'yes'][row % 2]}")
fixture = {
    "scikit_learn": sklearn.__version__,
    "table": "\n".join(lines) + "\n",
    "test": test,
    "inputs": inputs.tolist(),
}
path = pathlib.Path(__file__).with_name("tables.json")
path.write_text(json.dumps(fixture) + "\n")
