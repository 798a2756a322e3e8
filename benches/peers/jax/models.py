"""The reference workloads in JAX: parameters as trees, models as functions of them; images are (N, H, W, C).

Each builder gives (parameters, statistics, apply, shape of an input); `apply(parameters, statistics, x)`
gives logits and the next running statistics. Token models have no shape of their own.
"""
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

VOCABULARY = 65
POSITIONS = 64


def build(workload, random):
    return {
        "mlp_small": lambda: dense_net(random, 64, 32, 10),
        "mlp": lambda: dense_net(random, 784, 1024, 1024, 10),
        "lenet": lambda: lenet(random),
        "resnet20": lambda: resnet20(random),
        "lstm": lambda: lstm(random, 128, 256),
        "gpt": lambda: gpt(random, blocks=4, heads=4, width=128),
    }[workload]()


def batch(random, rows, shape):
    """Inputs and targets."""
    if shape is None:
        text = random.integers(0, VOCABULARY, (rows, POSITIONS + 1), dtype=np.int32)
        return jnp.asarray(text[:, :-1]), jnp.asarray(text[:, 1:])
    inputs = random.standard_normal((rows, *shape), dtype=np.float32)
    return jnp.asarray(inputs), jnp.asarray(random.integers(0, 10, rows, dtype=np.int32))


def uniform(random, shape, fan_in):
    bound = 1 / math.sqrt(fan_in)
    return random.uniform(-bound, bound, shape)


def linear(random, inputs, outputs):
    return {"weight": uniform(random, (inputs, outputs), inputs), "bias": uniform(random, outputs, inputs)}


def dense(layer, x):
    y = x @ layer["weight"]
    return y + layer["bias"] if "bias" in layer else y


def kernel(random, size, inputs, outputs):
    return {"weight": uniform(random, (size, size, inputs, outputs), size * size * inputs)}


def convolve(layer, x, stride, padding):
    y = lax.conv_general_dilated(x, layer["weight"], (stride, stride), [(padding, padding)] * 2,
                                 dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return y + layer["bias"] if "bias" in layer else y


def max_pool(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def dense_net(random, *widths):
    layers = [linear(random, inputs, outputs) for inputs, outputs in zip(widths, widths[1:])]

    def apply(layers, statistics, x):
        for layer in layers[:-1]:
            x = jax.nn.relu(dense(layer, x))
        return dense(layers[-1], x), statistics

    return layers, (), apply, (widths[0],)


def lenet(random):
    def biased(inputs, outputs):
        return kernel(random, 5, inputs, outputs) | {"bias": uniform(random, outputs, 25 * inputs)}

    parameters = {"first": biased(1, 32), "second": biased(32, 64),
                  "hidden": linear(random, 7 * 7 * 64, 1024), "head": linear(random, 1024, 10)}

    def apply(p, statistics, x):
        for name in ("first", "second"):
            x = max_pool(jax.nn.relu(convolve(p[name], x, 1, 2)))
        x = jax.nn.relu(dense(p["hidden"], x.reshape(len(x), -1)))
        return dense(p["head"], x), statistics

    return parameters, (), apply, (28, 28, 1)


def batch_norm(layer, running, x):
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    y = (x - mean) * lax.rsqrt(variance + 1e-5) * layer["weight"] + layer["bias"]
    return y, jax.tree.map(lambda old, new: 0.9 * old + 0.1 * new, running, {"mean": mean, "variance": variance})


def resnet20(random):
    """He et al. 2015, section 4.2: three stages of three blocks, shortcuts of option A."""
    def norm(channels):
        return {"weight": np.ones(channels), "bias": np.zeros(channels)}

    def running(channels):
        return {"mean": np.zeros(channels), "variance": np.ones(channels)}

    stages = [(16, 16, 1), (16, 16, 1), (16, 16, 1), (16, 32, 2), (32, 32, 1), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 64, 1)]
    blocks = [{"first": kernel(random, 3, inputs, outputs), "first_norm": norm(outputs),
               "second": kernel(random, 3, outputs, outputs), "second_norm": norm(outputs)} for inputs, outputs, _ in stages]
    parameters = {"stem": kernel(random, 3, 3, 16), "stem_norm": norm(16), "blocks": blocks, "head": linear(random, 64, 10)}
    statistics = {"stem": running(16), "blocks": [(running(outputs), running(outputs)) for _, outputs, _ in stages]}

    def apply(p, statistics, x):
        x, stem = batch_norm(p["stem_norm"], statistics["stem"], convolve(p["stem"], x, 1, 1))
        x, after = jax.nn.relu(x), []
        for block, (first, second), (inputs, outputs, stride) in zip(p["blocks"], statistics["blocks"], stages):
            y, first = batch_norm(block["first_norm"], first, convolve(block["first"], x, stride, 1))
            y, second = batch_norm(block["second_norm"], second, convolve(block["second"], jax.nn.relu(y), 1, 1))
            if stride > 1:
                padding = (outputs - inputs) // 2
                x = jnp.pad(x[:, ::stride, ::stride], ((0, 0), (0, 0), (0, 0), (padding, padding)))
            x = jax.nn.relu(x + y)
            after.append((first, second))
        return dense(p["head"], x.mean((1, 2))), {"stem": stem, "blocks": after}

    return parameters, statistics, apply, (32, 32, 3)


def lstm(random, embedding, hidden):
    parameters = {"embedding": random.normal(0, 1, (VOCABULARY, embedding)), "input": linear(random, embedding, 4 * hidden),
                  "state": linear(random, hidden, 4 * hidden), "head": linear(random, hidden, VOCABULARY)}

    def apply(p, statistics, x):
        # All positions' input products at once, position by position in memory.
        inputs = dense(p["input"], p["embedding"][x.T])

        def position(carried, gates):
            output, cell = carried
            i, f, g, o = jnp.split(gates + dense(p["state"], output), 4, -1)
            cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(g)
            output = jax.nn.sigmoid(o) * jnp.tanh(cell)
            return (output, cell), output

        zeros = jnp.zeros((x.shape[0], hidden), inputs.dtype)
        _, outputs = lax.scan(position, (zeros, zeros), inputs)
        return dense(p["head"], outputs).swapaxes(0, 1), statistics

    return parameters, (), apply, None


def layer_norm(scale, x):
    centred = x - x.mean(-1, keepdims=True)
    return centred * lax.rsqrt((centred ** 2).mean(-1, keepdims=True) + 1e-5) * scale


def gpt(random, blocks, heads, width):
    def weight(inputs, outputs):
        return {"weight": random.normal(0, 0.02, (inputs, outputs))}

    def block():
        return {"attention_norm": np.ones(width), "projections": weight(width, 3 * width), "output": weight(width, width),
                "network_norm": np.ones(width), "up": weight(width, 4 * width), "down": weight(4 * width, width)}

    parameters = {"embedding": random.normal(0, 0.02, (VOCABULARY, width)), "norm": np.ones(width),
                  "positions": random.normal(0, 0.02, (POSITIONS, width)), "blocks": [block() for _ in range(blocks)]}

    def attention(b, x):
        rows, positions, _ = x.shape
        parts = dense(b["projections"], x).reshape(rows, positions, 3, heads, width // heads)
        queries, keys, values = (parts[:, :, part] for part in range(3))
        scores = jnp.einsum("rqhd,rkhd->rhqk", queries, keys) / math.sqrt(width // heads)
        sees = jnp.tril(jnp.ones((positions, positions), bool))
        weights = jax.nn.softmax(jnp.where(sees, scores, -1e30), -1)
        return jnp.einsum("rhqk,rkhd->rqhd", weights, values).reshape(rows, positions, width)

    def apply(p, statistics, x):
        y = p["embedding"][x] + p["positions"][:x.shape[1]]
        for b in p["blocks"]:
            y = y + dense(b["output"], attention(b, layer_norm(b["attention_norm"], y)))
            up = jax.nn.gelu(dense(b["up"], layer_norm(b["network_norm"], y)), approximate=False)
            y = y + dense(b["down"], up)
        return layer_norm(p["norm"], y) @ p["embedding"].T, statistics

    return parameters, (), apply, None
