import base64
import hashlib
import io
import json
import pickle
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fixtures.clusters import SPACE_KINDS

from labelmend.classify import model_folder
from labelmend.classify.calibrate import OperatingPoint
from labelmend.classify.folder import locate_encoders
from labelmend.classify.heads.registry import find_head
from labelmend.classify.model_folder import SavedModel, load_model, save_model
from labelmend.classify.train import train
from labelmend.configs.load import load_config
from labelmend.errors import ModelError, ModelHashError, ModelMissingError, OutputError
from labelmend.protocols import NoProgress
from labelmend.weights.signature import TrustedKey

POINT = OperatingPoint("in-scope-loss", 0.02)
FORMAT_1 = Path(__file__).parents[1] / "fixtures" / "format_1"
ENCODERS = load_config("embedded").encoders


@pytest.fixture(scope="module")
def trained(world, settings):
    data, vectors = world(4, 20, oos_texts=40)
    return {
        kind: train(data, vectors, settings, find_head(kind), POINT, 0, NoProgress()).classifier
        for kind in SPACE_KINDS
    }


def saved(classifier, digests=("0" * 64, "1" * 64)):
    means = (np.arange(7.0), np.arange(5.0))
    return SavedModel(classifier, means, ENCODERS, digests, 4000, {"seed": 0, "notes": ["a"]})


@pytest.fixture
def folder(trained, tmp_path):
    path = tmp_path / "model"
    save_model(saved(trained["logreg"]), path, "# card\n")
    return path


def rewrite(folder, **changes):
    """Change the card, and its checksum with it, as somebody would who knows the format."""
    path = folder / "model.json"
    body = json.loads(path.read_text())
    body.pop("checksum")
    body |= changes
    plain = json.dumps(body, sort_keys=True, ensure_ascii=False).encode()
    body["checksum"] = hashlib.sha256(plain).hexdigest()
    path.write_text(json.dumps(body))


@pytest.mark.parametrize("kind", SPACE_KINDS)
def test_what_was_saved_predicts_the_same(trained, world, tmp_path, kind):
    _, probes = world(4, 20, oos_texts=40, seed=1)
    save_model(saved(trained[kind]), tmp_path / "m", "")
    loaded = load_model(tmp_path / "m")
    before, after = (c.predict(probes) for c in (trained[kind], loaded.classifier))
    np.testing.assert_allclose(after.probabilities, before.probabilities, rtol=0, atol=1e-9)
    assert np.array_equal(after.labels, before.labels)
    assert np.array_equal(after.is_oos, before.is_oos)
    assert loaded.classifier.labels == ("label0", "label1", "label2", "label3", "oos")
    assert loaded.encoders == ENCODERS
    assert [mean.tolist() for mean in loaded.means] == [list(range(7)), list(range(5))]
    assert (loaded.card["seed"], loaded.max_text_chars) == (0, 4000)


@pytest.mark.parametrize("kind", SPACE_KINDS)
def test_a_model_is_written_alike_twice(trained, tmp_path, kind):
    for name in ("a", "b"):
        save_model(saved(trained[kind]), tmp_path / name, "")
    files = [(tmp_path / name / "model.json").read_bytes() for name in ("a", "b")]
    assert files[0] == files[1]


def test_a_model_is_replaced_whole(trained, folder):
    save_model(saved(trained["lightgbm"]), folder, "")
    assert load_model(folder).classifier.kind == "lightgbm"
    save_model(saved(trained["linear-svm"]), folder, "")
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*")) == [
        *("README.md", "arrays.npz", "head", "head/model.skops", "model.json")
    ]
    assert [p.name for p in folder.parent.iterdir()] == ["model"]


def test_a_failure_leaves_the_old_model(trained, folder, monkeypatch):
    before = (folder / "model.json").read_bytes()

    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(model_folder.np, "savez", fail)
    with pytest.raises(KeyboardInterrupt):
        save_model(saved(trained["logreg"]), folder, "")
    assert (folder / "model.json").read_bytes() == before
    assert [p.name for p in folder.parent.iterdir()] == ["model"]


def test_other_folders_are_not_overwritten(trained, folder, tmp_path):
    (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputError, match="holds other files than a model's"):
        save_model(saved(trained["logreg"]), folder, "")
    assert (folder / "thesis.tex").exists()
    # Files may be called as a model's are: without its card they are none.
    theirs = tmp_path / "theirs"
    (theirs / "encoder").mkdir(parents=True)
    (theirs / "README.md").write_text("mine")
    with pytest.raises(OutputError, match="holds other files than a model's"):
        save_model(saved(trained["logreg"]), theirs, "")
    assert (theirs / "README.md").read_text() == "mine"
    # With a model.json of somebody else's it is none, and neither is one with a file more inside.
    (theirs / "model.json").write_text('{"format": "layers-model", "weightsManifest": []}')
    (folder / "thesis.tex").unlink()
    (folder / "head" / "notes.txt").write_text("mine")
    for place in (theirs, folder):
        with pytest.raises(OutputError, match="holds other files than a model's"):
            save_model(saved(trained["logreg"]), place, "")
    assert (folder / "head" / "notes.txt").read_text() == "mine"
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file; give a folder"):
        save_model(saved(trained["logreg"]), tmp_path / "file", "")
    with pytest.raises(OutputError, match="is missing; create it first"):
        save_model(saved(trained["logreg"]), tmp_path / "no" / "m", "")


@pytest.mark.parametrize("name", ["arrays.npz", "model.json"])
def test_a_changed_file_is_refused(folder, name):
    path = folder / name
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"label1", b"label9") if name == "model.json" else raw + b"\0")
    with pytest.raises(ModelHashError, match=f"{name}: was changed since training; restore"):
        load_model(folder)


def test_a_changed_booster_is_refused(trained, tmp_path):
    save_model(saved(trained["lightgbm"]), tmp_path / "m", "")
    path = tmp_path / "m" / "head" / "booster.txt"
    path.write_text(path.read_text().replace("leaf_value=", "leaf_value=1", 1))
    with pytest.raises(ModelHashError, match=r"booster\.txt: was changed"):
        load_model(tmp_path / "m")


def test_notes_in_the_readme_are_no_change(folder):
    (folder / "README.md").write_text("the model of the spring release")
    assert load_model(folder).classifier.kind == "logreg"


def test_missing_parts(folder, tmp_path):
    with pytest.raises(ModelMissingError, match="no such folder; give a folder that"):
        load_model(tmp_path / "no")
    (folder / "arrays.npz").unlink()
    with pytest.raises(ModelHashError, match=r"its file '?arrays\.npz'? is missing"):
        load_model(folder)
    (folder / "model.json").unlink()
    with pytest.raises(ModelMissingError, match=r"holds no model\.json, so it is no model"):
        load_model(folder)


def test_another_version_is_refused(folder):
    rewrite(folder, format=3, labelmend="9.0")
    said = r"is of format 3 \(labelmend '9\.0'\), .* reads formats 1 and 2"
    with pytest.raises(ModelError, match=said):
        load_model(folder)


@pytest.mark.parametrize("kind", ["logreg", "lightgbm"])
def test_folders_of_format_1_are_read(kind, tmp_path):
    """They and the predictions were written by the code before format 2."""
    expected = json.loads((FORMAT_1 / "expected.json").read_text())
    model = load_model(FORMAT_1 / kind)
    # They learned from long texts that were cut.
    assert {encoder.max_windows for encoder in model.encoders} == {1}
    found = model.classifier.predict(np.array(expected["probes"], dtype=np.float32))
    for name, values in expected[kind].items():
        np.testing.assert_allclose(getattr(found, name), values, rtol=0, atol=1e-6, err_msg=name)
    # Written again, it is of today's format, and says the same.
    save_model(replace(model, card={"seed": 0}), tmp_path / "m", "")
    assert json.loads((tmp_path / "m/model.json").read_text())["format"] == 2
    again = load_model(tmp_path / "m").classifier.predict(np.float32(expected["probes"]))
    assert np.array_equal(again.probabilities, found.probabilities)


def test_a_folder_of_format_1_is_replaced(trained, tmp_path):
    shutil.copytree(FORMAT_1 / "lightgbm", tmp_path / "m")
    save_model(saved(trained["logreg"]), tmp_path / "m", "")
    assert load_model(tmp_path / "m").classifier.kind == "logreg"
    assert not (tmp_path / "m/booster.txt").exists()


def test_a_kind_that_is_not_installed(folder):
    rewrite(folder, kind="forest")
    said = "its kind of classifier, 'forest', is not installed here; install the package"
    with pytest.raises(ModelError, match=said):
        load_model(folder)


def test_a_file_that_the_card_does_not_know_is_refused(folder):
    (folder / "head" / "more.txt").write_text("")
    with pytest.raises(ModelHashError, match=r"head/more\.txt: was changed since training"):
        load_model(folder)


def test_a_model_of_foreign_code_is_never_run(folder):
    parts = {}
    with zipfile.ZipFile(folder / "head/model.skops") as held:
        parts = {name: held.read(name) for name in held.namelist()}
    schema = json.loads(parts.pop("schema.json"))
    schema |= {"__class__": "Bomb", "__module__": "foreign"}
    with zipfile.ZipFile(folder / "head/model.skops", "w") as file:
        for name, content in (parts | {"schema.json": json.dumps(schema).encode()}).items():
            file.writestr(name, content)
    raw = (folder / "head/model.skops").read_bytes()
    files = json.loads((folder / "model.json").read_text())["files"]
    files["head/model.skops"] = {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)}
    rewrite(folder, files=files)
    with pytest.raises(ModelError, match=r"could run foreign code .*foreign\.Bomb"):
        load_model(folder)


def test_a_head_that_writes_a_pickle_is_not_saved(trained, tmp_path):
    class Pickler:
        def scores(self, embeddings):
            raise AssertionError

        def save(self, folder):
            (folder / "model.bin").write_bytes(pickle.dumps([1]))

    model = saved(replace(trained["logreg"], scorer=Pickler()))
    with pytest.raises(ModelError, match=r"head/model\.bin: is a pickle"):
        save_model(model, tmp_path / "m", "")
    assert list(tmp_path.iterdir()) == []


def test_a_card_that_is_none(folder):
    (folder / "model.json").write_text("[]")
    with pytest.raises(ModelError, match="is no model card"):
        load_model(folder)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was run",))


def test_a_pickle_in_the_folder_is_refused(folder):
    (folder / "extra.bin").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ModelError, match=r"extra\.bin: is a pickle, which could run any code"):
        load_model(folder)


def test_torch_weights_in_the_old_format_are_refused(folder):
    (folder / "encoder").mkdir(exist_ok=True)
    # A zip file since torch 1.6, with a pickle in it.
    (folder / "encoder" / "pytorch_model.bin").write_bytes(b"PK\x03\x04")
    with pytest.raises(ModelError, match=r"pytorch_model\.bin: is a pickle"):
        load_model(folder)


def test_a_pickle_by_name_is_refused(folder):
    (folder / "old.joblib").write_bytes(b"")
    with pytest.raises(ModelError, match=r"old\.joblib: is a pickle"):
        load_model(folder)


def test_a_pickle_in_the_arrays_is_never_run(folder):
    stream = io.BytesIO()
    np.savez(stream, references=np.array([Bomb()], dtype=object))
    raw = stream.getvalue()
    (folder / "arrays.npz").write_bytes(raw)
    files = json.loads((folder / "model.json").read_text())["files"]
    # Somebody who forges the hashes too still gets nothing run.
    files["arrays.npz"] = {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)}
    rewrite(folder, files=files)
    with pytest.raises(ModelError, match="holds a pickle, which could run any code"):
        load_model(folder)


def test_a_file_outside_the_folder_is_not_read(folder):
    rewrite(folder, files={"../secret": {"sha256": "", "bytes": 0}})
    with pytest.raises(ModelHashError, match=r"its file '\.\./secret' is missing"):
        load_model(folder)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"detector": {}}, r"this model can't be read \(detector\.slope: Field required\)"),
        ({"encoders": [{"model": "x", "sha256": ""}]}, r"\(EncoderConfig: backend is missing\)"),
    ],
)
def test_a_card_that_lacks_something(folder, changes, said):
    rewrite(folder, **changes)
    with pytest.raises(ModelError, match=said):
        load_model(folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"references": lambda held: held[:, :5]}, "means of 12 dimensions, and references of 5"),
        ({"references": lambda held: held[:0]}, "no references"),
        ({"mean_0": lambda held: held[:3]}, "means of 8 dimensions, and references of 12"),
        ({"detector_weights": lambda held: held[:1]}, "a detector that doesn't weigh 3 signs"),
    ],
)
def test_parts_that_do_not_fit(folder, change, said):
    with np.load(folder / "arrays.npz") as held:
        arrays = {name: change.get(name, lambda same: same)(held[name]) for name in held.files}
    np.savez(folder / "arrays.npz", **arrays)
    refiled(folder, "arrays.npz")
    with pytest.raises(ModelError, match=said):
        load_model(folder)


def refiled(folder, name):
    raw = (folder / name).read_bytes()
    files = json.loads((folder / "model.json").read_text())["files"]
    files[name] = {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)}
    rewrite(folder, files=files)


def test_another_classifier_than_the_kind_says(folder, trained):
    from sklearn.linear_model import RidgeClassifier

    from labelmend.classify.heads.skops_file import write_skops

    other = RidgeClassifier().fit(np.eye(12), np.arange(12) % 5)
    write_skops(other, folder / "head/model.skops")
    refiled(folder, "head/model.skops")
    with pytest.raises(ModelError, match=r"model\.skops: can't be read \(a RidgeClassifier"):
        load_model(folder)
    # One of another number of labels is not scored with, either.
    save_model(saved(replace(trained["logreg"], labels=("a", "b", "oos"), oos=2)), folder, "")
    with pytest.raises(ModelError, match="a classifier that doesn't score 3 labels"):
        load_model(folder)


def test_a_trusted_key_has_to_have_signed_the_card(folder, tmp_path):
    ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    own = ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    trusted = TrustedKey(b"12345678", own.public_key().public_bytes_raw())
    with pytest.raises(ModelHashError, match=r"model\.json: is not signed"):
        load_model(folder, trusted)
    signature = own.sign((folder / "model.json").read_bytes())
    lines = ("", b"Ed12345678" + signature, "trusted comment: mine", own.sign(signature + b"mine"))
    (folder / "model.json.minisig").write_text(
        "\n".join(base64.b64encode(x).decode() if isinstance(x, bytes) else x for x in lines)
    )
    assert load_model(folder, trusted).classifier.kind == "logreg"
    # Whoever changes another file and forges its hash has no key for the card.
    rewrite(folder, seed=1)
    assert load_model(folder).card["seed"] == 1
    with pytest.raises(ModelHashError, match=r"is not of model\.json as it is"):
        load_model(folder, trusted)


def test_the_encoders_have_to_be_those_of_training(trained, tmp_path, encoders):
    digests = tuple(model.digest for model in encoders)
    assert locate_encoders(saved(trained["logreg"], digests), tmp_path) == encoders
    with pytest.raises(
        ModelHashError, match=r"was trained with use-multilingual-v3 of sha256 1111"
    ):
        locate_encoders(saved(trained["logreg"], (digests[0], "1" * 64)), tmp_path)
