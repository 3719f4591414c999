import llama_cpp
import numpy as np

from labelmend.llm.token_batch import TokenBatch


def told(batch):
    """What llama.cpp reads in a batch: token, position, sequences, whether logits are wanted."""
    return [
        (batch.token[i], batch.pos[i], batch.seq_id[i][: batch.n_seq_id[i]], batch.logits[i])
        for i in range(batch.n_tokens)
    ]


def test_a_batch_is_filled_again_and_again():
    batch = TokenBatch(llama_cpp, 3)
    filled = batch.filled(
        np.array([7, 8, 9], dtype=np.int32),
        np.array([0, 1, 5]),
        np.array([2, 2, 0]),
        np.array([0, 1, 1], dtype=np.int8),
    )
    assert told(filled) == [(7, 0, [2], 0), (8, 1, [2], 1), (9, 5, [0], 1)]
    one = np.array([4], dtype=np.int32)
    filled = batch.filled(one, np.array([6]), np.array([1]), np.array([1], dtype=np.int8))
    assert told(filled) == [(4, 6, [1], 1)]
    assert batch.size == 3
