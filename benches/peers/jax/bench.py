"""Times a training step of JAX on the CPU: one jitted function of forward, loss, backward and update.

SGD with momentum 0.9 (AdamW for gpt). --mode jit calls it once a step; --mode scan runs many steps in one
call. XLA takes as many threads as the process may use cores: `taskset -c 0` gives it one.
--bf16 computes forward and backward in bfloat16 from float32 weights, and the loss in float32.
"""
import functools
import math
import os
import pathlib
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import models  # noqa: E402
import timing  # noqa: E402

# A timing covers several steps of a small model: a clock is read, and results are waited for, once.
LEAST_SECONDS_A_TIMING = 2e-3


def arguments():
    parser = timing.parser(__doc__)
    parser.add_argument("--mode", choices=["jit", "scan"], default="jit")
    parser.add_argument("--bf16", action="store_true")
    return parser.parse_args()


def sgd(parameters, velocity, gradients, lr=0.01, momentum=0.9):
    velocity = jax.tree.map(lambda v, g: momentum * v + g, velocity, gradients)
    return jax.tree.map(lambda p, v: p - lr * v, parameters, velocity), velocity


def adamw(parameters, state, gradients, lr=1e-3, beta1=0.9, beta2=0.99, eps=1e-8, decay=0.1):
    """Loshchilov and Hutter 2017, algorithm 2."""
    step = state["step"] + 1
    first = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, state["first"], gradients)
    second = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, state["second"], gradients)

    def update(p, m, v):
        direction = m / (1 - beta1 ** step) / (jnp.sqrt(v / (1 - beta2 ** step)) + eps)
        return p * (1 - lr * decay) - lr * direction

    return jax.tree.map(update, parameters, first, second), {"step": step, "first": first, "second": second}


def training_step(apply, update, bf16):
    """From (parameters, statistics, optimiser state), inputs and targets to the next state and the loss."""
    def narrowed(tree):
        return jax.tree.map(lambda x: x.astype(jnp.bfloat16) if x.dtype == jnp.float32 else x, tree) if bf16 else tree

    def loss(parameters, statistics, x, y):
        logits, after = apply(narrowed(parameters), statistics, narrowed(x))
        log_shares = jax.nn.log_softmax(logits.astype(jnp.float32))
        after = jax.tree.map(lambda new, old: new.astype(old.dtype), after, statistics)
        return -jnp.take_along_axis(log_shares, y[..., None], -1).mean(), after

    def step(state, x, y):
        parameters, statistics, optimizer = state
        (value, statistics), gradients = jax.value_and_grad(loss, has_aux=True)(parameters, statistics, x, y)
        parameters, optimizer = update(parameters, optimizer, gradients)
        return (parameters, statistics, optimizer), value

    return step


def in_one_call(step, batches, steps):
    """`steps` steps by one call, over the batches in turn."""
    inputs, targets = (jnp.stack(part) for part in zip(*batches))
    order = jnp.arange(steps) % len(batches)
    scan = jax.jit(lambda state: lax.scan(lambda s, i: step(s, inputs[i], targets[i]), state, order), donate_argnums=0)

    def run(state):
        state, losses = scan(state)
        return state, losses[-1]

    return run


def call_by_call(jitted, batches, steps):
    """`steps` steps by a call each, over the batches in turn."""
    def run(state):
        for i in range(steps):
            state, value = jitted(state, *batches[i % len(batches)])
        return state, value

    return run


def main():
    args = arguments()
    random = np.random.default_rng(1)
    parameters, statistics, apply, shape = models.build(args.workload, random)
    as_f32 = functools.partial(jax.tree.map, lambda x: jnp.asarray(x, jnp.float32))
    zeros = functools.partial(jax.tree.map, jnp.zeros_like)
    parameters, statistics = as_f32(parameters), as_f32(statistics)
    num_params = sum(leaf.size for leaf in jax.tree.leaves(parameters))
    if args.workload == "gpt":
        update, optimizer = adamw, {"step": jnp.zeros(()), "first": zeros(parameters), "second": zeros(parameters)}
    else:
        update, optimizer = sgd, zeros(parameters)
    batches = [models.batch(random, args.batch, shape) for _ in range(args.batches)]
    step = training_step(apply, update, args.bf16)
    state = (parameters, statistics, optimizer)

    # The first call compiles; the others tell how many steps a timing needs.
    jitted = jax.jit(step, donate_argnums=0)
    one = call_by_call(jitted, batches, 1)
    state, value = one(state)
    first = float(value)
    for _ in range(args.warmup):
        state, value = jax.block_until_ready(one(state))
    started = time.perf_counter()
    state, value = jax.block_until_ready(call_by_call(jitted, batches, 3)(state))
    steps = max(1, math.ceil(LEAST_SECONDS_A_TIMING / ((time.perf_counter() - started) / 3)))
    if args.mode == "scan":
        steps = max(steps, len(batches))
    run = in_one_call(step, batches, steps) if args.mode == "scan" else call_by_call(jitted, batches, steps)
    for _ in range(2):
        state, value = jax.block_until_ready(run(state))

    def timed():
        nonlocal state, value
        started = time.perf_counter()
        state, value = jax.block_until_ready(run(state))
        return (time.perf_counter() - started) / steps * 1e3

    found, lost = timing.timings(args, timed)
    timing.report(args, found, framework="jax", version=jax.__version__, mode=args.mode, variant="bf16" if args.bf16 else "",
                  threads=len(os.sched_getaffinity(0)), params=num_params, steps_a_timing=steps,
                  loss_first=round(first, 4), loss_last=round(float(value), 4), **lost)


if __name__ == "__main__":
    main()
