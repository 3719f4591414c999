import pytest

from labelmend.configs.load import load_config
from labelmend.configs.profiles import PROFILES
from labelmend.errors import ConfigError
from labelmend.weights.registry import HubSource, find_entry, load_registry

ENTRY = """
tiny:
  kind: encoder
  licence: MIT
  note: a test's
  source: {hub: maker/tiny, revision: null}
  weights: w.bin
  files:
    w.bin: {size: 3, sha256: null}
"""


@pytest.mark.parametrize("profile", PROFILES)
def test_every_model_of_every_profile_is_known(profile):
    config = load_config(profile)
    assert all(find_entry(encoder.model).kind == "encoder" for encoder in config.encoders)
    if config.reranker.backend != "none":
        assert find_entry(config.reranker.model).kind == "reranker"
    for model in (config.describe.model, *(voter.model for voter in config.voters)):
        assert not model or find_entry(model).kind == "gguf"


def test_what_is_left_open_is_known():
    hub = [entry for entry in load_registry() if isinstance(entry.source, HubSource)]
    unpinned = {(e.name, f.path) for e in hub for f in e.files if not (f.sha256 and f.size)}
    assert unpinned == {("gemma-2-9b-it", "gemma-2-9b-it-Q6_K.gguf")}
    assert all(e.source.revision for e in hub if isinstance(e.source, HubSource))


def test_an_unknown_model_names_the_nearest():
    with pytest.raises(ConfigError, match=r"unknown model 'bge-m4' \(did you mean 'bge-m3'\?\)"):
        find_entry("bge-m4")


def test_which_languages_a_model_reads():
    read = {entry.name: entry.languages for entry in load_registry()}
    assert read["all-MiniLM-L6-v2"] == read["ms-marco-MiniLM-L-12-v2"] == {"en"}
    assert read["bge-m3"] == "many"
    assert len(read["multilingual-e5-small"]) == 93
    assert {"ru", "kk", "no", "zh"} <= read["multilingual-e5-small"]
    assert "kk" not in read["use-multilingual-v3"]
    assert read["SmolLM2-135M-Instruct"] is None
    for name, entry in ((entry.name, entry) for entry in load_registry()):
        assert entry.kind == "gguf" or entry.languages, name


@pytest.mark.parametrize(
    ("said", "read"),
    [("[de, no, kab]", {"de", "no", "kab"}), ("many", "many"), ("null", None)],
)
def test_languages_of_a_models_file(tmp_path, said, read):
    path = tmp_path / "models.yaml"
    path.write_text(ENTRY.replace("note: a test's", f"note: a test's\n  languages: {said}"))
    assert load_registry(path)[0].languages == read


@pytest.mark.parametrize("said", ["all", "[]", "[DE]", "[german]", "[3]", "de", "{de: 1}"])
def test_languages_that_are_none(tmp_path, said):
    path = tmp_path / "models.yaml"
    path.write_text(ENTRY.replace("note: a test's", f"note: a test's\n  languages: {said}"))
    with pytest.raises(ConfigError, match="tiny: languages: expected a list of ISO 639 codes or m"):
        load_registry(path)


def test_a_models_file_of_ones_own(tmp_path):
    path = tmp_path / "models.yaml"
    path.write_text(ENTRY)
    (entry,) = load_registry(path)
    assert entry.source == HubSource("maker/tiny", None)
    assert entry.size_bytes == 3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kind: encoder", "kind: encodr", "tiny: kind: 'encodr' is not one of encoder, reranker"),
        ("kind: encoder", "", "tiny: kind is missing"),
        ("note:", "notes:", r"tiny: unknown key notes \(did you mean 'note'\?\); known here: kind"),
        ("revision: null", "revision: main", "revision: expected 40 lower-case hex digits or null"),
        ("revision: null", "revision: abc123", "revision: expected 40 lower-case hex"),
        ("sha256: null", f"sha256: {'A' * 64}", "w.bin: sha256: expected 64 lower-case hex"),
        ("size: 3", "size: three", "w.bin: size: expected a number of bytes or null, got 'three'"),
        ("size: 3, ", "", "w.bin: size is missing"),
        ("weights: w.bin", "weights: v.bin", "weights: v.bin is not among the files"),
        ("    w.bin:", "    ../w.bin:", "a file's path stays inside the model's folder"),
        ("    w.bin:", "    /w.bin:", "a file's path stays inside the model's folder"),
        ("tiny:", "a/b:", "a model's name is a plain file name"),
        ("tiny:", ".pull:", "a model's name is a plain file name"),
        ("{hub: maker/tiny, revision: null}", "{hub: maker/tiny}", "source: revision is missing"),
        ("{hub: maker/tiny, revision: null}", "{npm: x}", "source: unknown key npm"),
        (
            "{hub: maker/tiny, revision: null}",
            "{pypi: tiny, version: '1', module: tiny, folder: .}",
            "w.bin: a package's file needs size and sha256",
        ),
        ("licence: MIT", "licence: ''", "licence: expected text, got ''"),
        ("source: {", "source: {{", "not valid YAML"),
        (ENTRY, "", "it holds none"),
    ],
)
def test_bad_models_files_say_what_is_wrong(tmp_path, old, new, message):
    assert old in ENTRY
    path = tmp_path / "models.yaml"
    path.write_text(ENTRY.replace(old, new))
    with pytest.raises(ConfigError, match=message) as caught:
        load_registry(path)
    assert str(caught.value).startswith(str(path))


def test_a_models_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="can't read this models file: No such file"):
        load_registry(tmp_path / "none.yaml")
