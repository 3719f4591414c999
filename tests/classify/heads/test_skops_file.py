import subprocess
import sys
import zipfile

import numpy as np
import pytest
import sklearn
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from labelmend.classify.heads.skops_file import read_skops, write_skops
from labelmend.errors import ModelError

FEATURES = np.random.default_rng(0).normal(size=(60, 4))
LABELS = np.repeat([0, 1, 2], 20)


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        GaussianNB(),
    ],
    ids=["logreg", "pipeline", "bayes"],
)
def test_what_is_read_predicts_the_same_bits(model, tmp_path):
    model.fit(FEATURES, LABELS)
    write_skops(model, tmp_path / "m.skops")
    again = read_skops(tmp_path / "m.skops")
    assert np.array_equal(again.predict_proba(FEATURES), model.predict_proba(FEATURES))


WRITE = """
import sys
import numpy as np
from sklearn.linear_model import LogisticRegression
from labelmend.classify.heads.skops_file import write_skops
junk = [object() for _ in range(int(sys.argv[2]))]
rows = np.random.default_rng(0).normal(size=(60, 4))
write_skops(LogisticRegression().fit(rows, np.repeat([0, 1, 2], 20)), sys.argv[1])
"""


def test_equal_models_make_equal_files(tmp_path):
    """In this process and in one of its own, in whose memory things lie elsewhere."""
    command = [sys.executable, "-c", WRITE, str(tmp_path / "there"), "1000"]
    subprocess.run(command, check=True)
    rows = np.random.default_rng(0).normal(size=(60, 4))
    write_skops(LogisticRegression().fit(rows, LABELS), tmp_path / "here")
    assert (tmp_path / "here").read_bytes() == (tmp_path / "there").read_bytes()
    with zipfile.ZipFile(tmp_path / "here") as held:
        assert {part.date_time for part in held.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def shout(rows):
    return rows


@pytest.mark.parametrize(
    ("model", "holds"),
    [
        (make_pipeline(FunctionTransformer(shout), LogisticRegression()), "shout"),
        (RandomForestClassifier(3), r"sklearn\.tree\._tree\.Tree"),
    ],
    ids=["function", "forest"],
)
def test_what_would_have_to_be_trusted_is_not_written(tmp_path, model, holds):
    model.fit(FEATURES, LABELS)
    with pytest.raises(ModelError, match=f"{holds} would have to be trusted; choose another"):
        write_skops(model, tmp_path / "m.skops")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x04K\x01."])
def test_what_is_no_such_file_is_told(tmp_path, content):
    path = tmp_path / "m.skops"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"m\.skops: can't be read"):
        read_skops(path)


def test_a_model_of_another_scikit_learn_is_read_without_a_word(tmp_path, recwarn):
    path = tmp_path / "m.skops"
    write_skops(LogisticRegression().fit(FEATURES, LABELS), path)
    with zipfile.ZipFile(path) as held:
        parts = {name: held.read(name) for name in held.namelist()}
    old = parts["schema.json"].replace(f'\\"{sklearn.__version__}\\"'.encode(), b'\\"1.6.0\\"')
    assert old != parts["schema.json"]
    with zipfile.ZipFile(path, "w") as file:
        for name, content in (parts | {"schema.json": old}).items():
            file.writestr(name, content)
    assert read_skops(path).predict(FEATURES).shape == (60,)
    assert not recwarn.list
