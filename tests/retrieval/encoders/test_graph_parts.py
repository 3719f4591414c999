"""Products in int8."""

import numpy as np

from labelmend.retrieval.encoders.graph_parts import MICROSOFT, GraphParts, vectors_model


def run(matrix, values):
    """Multiply rows of whole numbers by a matrix, in int8."""
    import onnxruntime

    parts = GraphParts()
    product = parts.int8_product(parts.cast("rows", np.float32), "matrix", matrix)
    again = parts.int8_product(parts.cast("rows", np.float32), "matrix", matrix)
    parts.add("Sub", parts.add("Add", product, again), again, called="embedding")
    model = vectors_model(parts, ["rows"], len(matrix), [MICROSOFT])
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"rows": np.array(values, np.int64)})[0]


def test_what_fits_the_steps_is_exact():
    # The greatest weight of a row is 63 steps, the greatest number of a token 127.
    matrix = np.array([[63.0, -21.0], [0.5, 0.125], [0.0, 0.0]], np.float32)
    found = run(matrix, [[127, 1], [-127, 64], [0, 0]])
    # 0.125 is 15.75 of the 63 steps to 0.5.
    wanted = [
        [127 * 63 - 21, 127 * 0.5 + 16 * 0.5 / 63, 0],
        [-127 * 63 - 64 * 21, -127 * 0.5 + 64 * 16 * 0.5 / 63, 0],
        [0, 0, 0],
    ]
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-4)


def test_a_row_does_not_hear_the_others():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(5, 8)).astype(np.float32)
    values = rng.integers(-50, 50, (4, 8))
    values[3] *= 1000
    together = run(matrix, values)
    assert all(
        (run(matrix, [row])[0] == found).all() for row, found in zip(values, together, strict=True)
    )
    exact = values @ matrix.T
    assert np.abs(together - exact).max(axis=1)[:3].max() < 0.02 * np.abs(exact[:3]).max()
