import numpy as np

from labelmend.augment.texts import real_texts, rows_that_stand


def test_distinct_texts_and_what_is_kept(dataset_of):
    texts = [f"t{i}" for i in range(10)] + ["u0", "u1", "v0", "T0"]
    labels = ["a"] * 10 + ["b", "b", "c", "b"]
    dataset = dataset_of(texts, labels)
    real, unique = real_texts(dataset, 0.2, 0)
    assert len(real.texts) == 13
    kept = [t for t, usable in zip(real.texts, real.usable, strict=True) if not usable]
    # Two of ten, one of two, none of one.
    assert [sum(t.casefold().startswith(x) for t in kept) for x in "tuv"] == [2, 1, 0]
    order = np.random.default_rng(0).permutation(14)
    shuffled = dataset_of([texts[i] for i in order], [labels[i] for i in order])
    again, _ = real_texts(shuffled, 0.2, 0)
    assert again == real
    assert real_texts(dataset, 0.2, 1)[0].usable != real.usable
    assert all(real_texts(dataset, 0.0, 0)[0].usable)
    assert real.rows_of[2] == (12,)
    # "t0" is a, its copy "T0" is b: the row of its label stands for it.
    rows = rows_that_stand(unique, dataset, real.label_of)
    assert rows[0] in {0, 13}
    assert dataset.given[rows[0]] == real.label_of[0]
