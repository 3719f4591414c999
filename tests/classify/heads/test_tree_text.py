import re
from pathlib import Path

import numpy as np
import pytest

from labelmend.classify.heads.lightgbm import read_trees
from labelmend.classify.heads.tree_text import check_trees, trees_alone
from labelmend.errors import ModelError

FORMAT_1 = Path(__file__).parents[2] / "fixtures" / "format_1" / "lightgbm" / "booster.txt"
TEXT = FORMAT_1.read_text("utf-8")
"""Six trees of three labels on two features."""


def sized(text):
    """Set the sizes right again after a change in a tree."""
    trees = re.findall(r"Tree=.*?\n\n\n", text, re.DOTALL)
    return re.sub(r"tree_sizes=.*", f"tree_sizes={' '.join(str(len(t)) for t in trees)}", text)


def changed(pattern, put):
    found = re.sub(pattern, put, TEXT, count=1)
    assert found != TEXT
    return sized(found)


def test_what_lightgbm_wrote_is_taken():
    assert check_trees(TEXT, 2) == 3
    assert check_trees(sized(TEXT), 2) == 3
    # Where nothing can be split, a tree is one leaf and its lists are empty.
    alone = re.sub(
        r"Tree=5\n.*?\n\n\n",
        "Tree=5\nnum_leaves=1\nnum_cat=0\nsplit_feature=\nthreshold=\nleft_child=\n"
        "leaf_value=-3.5\nleaf_count=20\nis_linear=0\nshrinkage=1\n\n\n",
        TEXT,
        flags=re.DOTALL,
    )
    assert check_trees(sized(alone), 2) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no text of trees"),
        (TEXT[: len(TEXT) // 2], "tree_sizes are wrong"),
        # LightGBM reads up to the first, and takes the second for the end of a line.
        (TEXT.replace("Column_0", "Col\0umn_0", 1), "no text of trees"),
        (TEXT.replace("Column_0", "Col\rumn_0", 1), "no text of trees"),
        (TEXT.replace("tree_sizes=3", "tree_sizes=9", 1), "a line of another form"),
        (TEXT.replace("num_class=3", "num_class=2", 1), "num_tree_per_iteration"),
        (TEXT.replace("multiclass num", "binary num", 1), "objective is not multiclass"),
        (TEXT.replace("feature_idx=1", "feature_idx=7", 1), "another number of features than 2"),
        (changed(r"split_feature=\d", "split_feature=2"), "a feature that is not there"),
        (changed(r"decision_type=2", "decision_type=1"), "splits by categories"),
        (changed(r"left_child=-1", "left_child=0"), "tree 0 is no tree"),
        (changed(r"left_child=-1", "left_child=-9"), "tree 0 is no tree"),
        (changed(r"left_child=-1", "left_child=-2"), "tree 0 is no tree"),
        (changed(r"left_child=-1", "left_child=5"), "tree 0 is no tree"),
        (changed(r"num_leaves=2", "num_leaves=2000000000"), "tree 0 has 2000000000 leaves"),
        (changed(r"num_leaves=2", "num_leaves=3"), "leaf_value is no list of 3 numbers"),
        (changed(r"leaf_value=\S+", "leaf_value=nan"), "leaf_value is no list of 2 numbers"),
        (changed(r"leaf_value=\S+", "leaf_value=1e999"), "leaf_value is no list of 2 numbers"),
        (changed(r"num_cat=0", "num_cat=1"), "tree 0 is of another kind"),
        (changed(r"shrinkage=1\n", "shrinkage=1\nx=1\n"), "tree 0 says 'x'"),
        (TEXT.replace("filename: ]", "filename: /etc/passwd]"), "something else behind"),
    ],
)
def test_what_lightgbm_would_believe_is_refused(text, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        check_trees(text, 2)
    (tmp_path / "booster.txt").write_text(text)
    with pytest.raises(ModelError, match=r"booster\.txt: can't be read \(.*train the model again"):
        read_trees(tmp_path / "booster.txt", np.zeros((5, 2), np.float32), np.zeros(2))


def test_a_tree_that_is_too_deep_for_a_walk_is_refused():
    splits = 500
    left = " ".join(str(~i) for i in range(splits))
    right = " ".join(str(i + 1) for i in range(splits - 1)) + f" {~splits}"
    lists = {
        "split_feature": " ".join(["0"] * splits),
        "threshold": " ".join(["0.5"] * splits),
        "decision_type": " ".join(["2"] * splits),
        "left_child": left,
        "right_child": right,
        "leaf_value": " ".join(["1"] * (splits + 1)),
    }
    body = "\n".join(f"{name}={value}" for name, value in lists.items())
    tree = f"Tree=5\nnum_leaves={splits + 1}\nnum_cat=0\n{body}\nshrinkage=1\n\n\n"
    deep = re.sub(r"Tree=5\n.*?\n\n\n", tree, TEXT, flags=re.DOTALL)
    with pytest.raises(ValueError, match="tree 5 is no tree"):
        check_trees(sized(deep), 2)


def test_the_trees_alone_predict_the_same():
    import lightgbm

    text = f"{TEXT}parameters:\n[max_depth:nx: 3]\nend of parameters\n"
    check_trees(text, 2)
    alone = trees_alone(text)
    assert alone.endswith("end of trees\n")
    assert alone == trees_alone(TEXT)
    points = np.random.default_rng(0).normal(size=(20, 2))
    before, after = (lightgbm.Booster(model_str=each) for each in (TEXT, alone))
    assert (before.predict(points, raw_score=True) == after.predict(points, raw_score=True)).all()
