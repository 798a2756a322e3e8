#!/usr/bin/env python3
"""Writes tests/parity/arrays.npz with NumPy: `python3 tests/parity/make_array_fixture.py`."""
import pathlib

import numpy as np

arrays = {
    f"{np.dtype(kind).name}_{order}": np.asfortranarray(np.arange(6, dtype=kind).reshape(2, 3)) if order == "F"
    else np.arange(6, dtype=kind).reshape(2, 3)
    for kind in ("u1", "i1", "<i2", "<i4", "<i8", "<u2", "<u4", "<u8", "<f4", "<f8") for order in "CF"
}
arrays["big"] = np.arange(6, dtype=">f4").reshape(2, 3)
arrays["scalar"] = np.float32(7.5)
arrays["bool"] = np.array([True, False])
np.savez_compressed(pathlib.Path(__file__).with_name("arrays.npz"), **arrays)
