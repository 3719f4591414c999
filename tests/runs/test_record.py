"""The record of a run, on four rows of three texts: written, read, and refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from labelmend.arrays import share
from labelmend.configs.load import load_config
from labelmend.errors import InputError
from labelmend.relabel.diagnostics.advice import ConfusedPair, EmptyLabel
from labelmend.relabel.noise_interval import NoiseInterval
from labelmend.relabel.result import SelfTest
from labelmend.runs.language import LanguageRecord
from labelmend.runs.parts import (
    HarmRecord,
    InputColumns,
    LabelReading,
    RunInput,
    SourceRecord,
    TrustRecord,
    UsedModel,
)
from labelmend.runs.record import SCHEMA_VERSION, RunRecord
from labelmend.weights.locate import LocatedModel

CONFIG = load_config("embedded", ["decision.max_harm=0.25", "seed=3"])
MODEL = LocatedModel("m", "encoder", Path("/m"), "ab" * 32, 7, "PyPI m 1.0")
SOURCE = RunInput(
    path="x.csv",
    sha256="cd" * 32,
    rows=4,
    texts=3,
    columns=InputColumns(text="text", label="label", id=None, votes=("expert",)),
)
TEST = SelfTest(
    runs=2,
    estimated_rate=1 / 3,
    injected_rate=0.125,
    recovery=share(3, 4),
    detection=share(4, 4),
    harm=share(1, 3),
    expected_broken=1.5,
    budget=0.25,
    factor=0.5,
    broken_at_factor=0,
    withdrawn=1,
    verdict="tightened",
    notes=(),
    hard=share(1, 2),
)
INTERVAL = NoiseInterval(
    low=0.05,
    high=0.3,
    agreement=0.75,
    own_errors=0.25,
    weakness=0.975,
    contradicted=np.array([False, False, False, True]),
    least=np.zeros(4),
    flat=0.3,
    severity=1.0,
)
KEYS = """
schema_version labelmend input.path input.sha256 input.rows input.texts input.columns.text
input.columns.label input.columns.id input.columns.votes input.columns.more_text
input.reading.separator input.reading.missing input.reading.merge_spellings input.blank
input.labels_file input.label_edits
seed config models.encoder.name
models.encoder.sha256 models.encoder.source labels oos_label advice.trust.trusted
advice.trust.reason advice.trust.agreement advice.trust.errors advice.merge advice.split
advice.mostly_wrong advice.empty.label advice.empty.mended_rows counts.change counts.keep
counts.label counts.review noise.estimated_rate noise.channel.keep_rate noise.channel.similar_share
noise.channel.oos_share noise.channel.temperature noise.channel.pair_strength
noise.channel.label_strength noise.confused_pairs.true noise.confused_pairs.given
noise.confused_pairs.rows noise.confused_pairs.rate noise.interval.low noise.interval.high
noise.interval.agreement noise.interval.own_errors noise.interval.weak noise.interval.words
harm.expected_broken harm.expected_good harm.budget self_test.runs self_test.estimated_rate
self_test.injected_rate self_test.recovery.count
self_test.recovery.total self_test.recovery.rate self_test.recovery.interval_95
self_test.detection.count self_test.detection.total self_test.detection.rate
self_test.detection.interval_95 self_test.harm.count self_test.harm.total self_test.harm.rate
self_test.harm.interval_95 self_test.expected_broken self_test.realised_by_expected_harm
self_test.budget self_test.factor self_test.broken_at_factor self_test.withdrawn_changes
self_test.verdict self_test.hard_recovery.count self_test.hard_recovery.total
self_test.hard_recovery.rate self_test.hard_recovery.interval_95 answers
sources.bm25.weight sources.bm25.moved sources.tiny.weight sources.tiny.moved
voters.voter voters.asked voters.remembered voters.failures voters.seconds voters.spent
voters.tokens voters.audited voters.agreement voters.lift_over_chance voters.information
voters.unasked voters.tokens_per_second voters.weight voters.worse_than_chance voters.answered
review_order notes seconds.embed versions.python versions.numpy versions.scikit-learn
versions.onnxruntime versions.sentence-transformers versions.torch versions.llama-cpp-python
language.in_words
language.main language.mixed language.languages.ru language.scripts.Cyrillic files shards
"""


LANGUAGE = LanguageRecord(
    in_words="Texts are in Russian (Cyrillic)",
    main="ru",
    mixed=False,
    languages={"ru": 1.0},
    scripts={"Cyrillic": 1.0},
)


@pytest.fixture
def record(four_rows):
    result = replace(four_rows, self_test=TEST, interval=INTERVAL)
    return RunRecord.of(result, CONFIG, {"encoder": MODEL}, SOURCE, ("a note",), LANGUAGE)


@pytest.fixture
def fields(record):
    return json.loads(record.to_json())


def keys(value, path=""):
    """The paths of all values, in the order of the file; those of the settings are not ours."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = value[0]
    if isinstance(value, dict) and value and path != "config":
        return [k for key, v in value.items() for k in keys(v, f"{path}.{key}".lstrip("."))]
    return [path]


def test_what_it_says(record):
    assert record.schema_version == SCHEMA_VERSION
    assert record.input == SOURCE
    assert record.seed == 3
    assert record.config["decision"]["max_harm"] == 0.25
    assert record.models == {"encoder": UsedModel(name="m", sha256="ab" * 32, source="PyPI m 1.0")}
    assert record.oos_label == "c"
    # Two labelled texts can't be tested, so there is no number; all labels were given or used.
    assert record.advice.trust == TrustRecord(
        trusted=True,
        reason="Only 2 distinct texts carry a label, too few to test whether they can be trusted.",
        agreement=None,
        errors=None,
    )
    assert (record.advice.merge, record.advice.split, record.advice.mostly_wrong) == ((), (), ())
    assert record.advice.empty == (EmptyLabel("c", 1),)
    assert record.counts == {"change": 1, "keep": 1, "label": 1, "review": 1}
    assert record.noise.estimated_rate == 0.5
    assert record.noise.confused_pairs[0] == ConfusedPair("a", "b", 0.75, 0.5)
    assert record.channel_in_words.startswith("87.5% of the given labels are taken to be right")
    assert record.sources == {
        "bm25": SourceRecord(weight=0.5, moved=0),
        "tiny": SourceRecord(weight=1.25, moved=2),
    }
    assert record.harm == HarmRecord(expected_broken=0.25, expected_good=1.5, budget=0.25)
    assert (record.voters[0].seconds, record.voters[0].unasked) == (0.12, 3)
    assert record.voters[0].weight == 1.25
    assert record.review_order == ("2",)
    assert record.notes == ("a note",)
    assert record.language == LANGUAGE
    assert record.seconds == {"embed": 1.23}


def test_what_it_says_of_the_self_test(record, four_rows):
    said = record.self_test
    assert (said.harm.count, said.harm.total, said.harm.rate) == (1, 3, 0.333333)
    assert said.harm.interval_95 == (round(TEST.harm.low, 6), round(TEST.harm.high, 6))
    assert said.estimated_rate == 0.333333
    # One good label was broken where 1.5 were expected to be.
    assert said.realised_by_expected_harm == 0.6667
    assert (said.withdrawn_changes, said.verdict) == (1, "tightened")
    assert (said.hard_recovery.count, said.hard_recovery.total) == (1, 2)
    assert RunRecord.of(four_rows, CONFIG, {}, SOURCE, ()).self_test is None


def test_what_it_says_of_the_noise(record, four_rows):
    said = record.noise.interval
    assert (said.low, said.high, said.agreement, said.own_errors) == (0.05, 0.3, 0.75, 0.25)
    assert said.weak
    assert said.words.startswith("Between 5.0% and 30.0% of the given labels are wrong")
    assert RunRecord.of(four_rows, CONFIG, {}, SOURCE, ()).noise.interval is None


def test_records_of_version_1_are_read(fields):
    old = {**fields, "schema_version": 1}
    del old["noise"]["interval"], old["self_test"]["hard_recovery"], old["answers"]
    read = RunRecord.from_json(json.dumps(old))
    assert read.noise.interval is None
    assert read.self_test.hard_recovery is None
    assert read.answers is None
    assert read.noise.estimated_rate == fields["noise"]["estimated_rate"]


def test_records_of_version_2_are_read(fields):
    old = {**fields, "schema_version": 2}
    del old["input"]["columns"]["more_text"], old["input"]["reading"], old["input"]["blank"]
    read = RunRecord.from_json(json.dumps(old))
    assert read.input == SOURCE
    assert read.input.columns.more_text == ()
    assert read.input.reading == LabelReading()


def test_records_of_version_3_are_read(fields):
    old = {**fields, "schema_version": 3}
    del old["input"]["labels_file"]
    assert RunRecord.from_json(json.dumps(old)).input == SOURCE


def test_records_of_version_4_are_read(fields):
    old = {**fields, "schema_version": 4}
    del old["language"]
    assert RunRecord.from_json(json.dumps(old)).language is None


def test_records_of_version_5_are_read(fields):
    old = {**fields, "schema_version": 5}
    del old["shards"], old["voters"][0]["answered"]
    read = RunRecord.from_json(json.dumps(old))
    assert (read.shards, read.voters[0].answered) == ((), {})


def test_the_keys_of_the_file_change_with_its_version_only(fields):
    assert keys(fields) == KEYS.split()
    assert SCHEMA_VERSION == 6


def test_what_is_written_is_read(record, tmp_path):
    text = record.to_json()
    assert text.startswith('{\n  "schema_version": 6,\n  "labelmend": ')
    assert text.endswith("}\n")
    path = tmp_path / "a.run.json"
    path.write_text(text, "utf-8")
    again = RunRecord.read(path)
    assert again == record
    assert again.to_json() == text


def test_nobody_changes_a_record(record):
    with pytest.raises(ValidationError):
        record.seed = 4


def test_what_is_no_unicode_is_written_as_a_question_mark(four_rows):
    bad = replace(MODEL, name="m\udce9", source="/\udce9")
    config = replace(CONFIG, profile="\udce9")
    record = RunRecord.of(four_rows, config, {"voter \udce9": bad}, SOURCE, ("\udce9é",))
    assert record.models == {"voter ?": UsedModel(name="m?", sha256="ab" * 32, source="/?")}
    assert (record.config["profile"], record.notes) == ("?", ("?é",))
    assert RunRecord.from_json(record.to_json().encode()) == record


def test_a_record_of_the_version_before_is_read(record, fields):
    del fields["schema_version"]
    for voter in fields["voters"]:
        voter["luck"] = voter.pop("lift_over_chance")
    assert RunRecord.from_json(json.dumps(fields)) == record


def test_a_key_that_we_do_not_know_is_left_out(record, fields):
    assert RunRecord.from_json(json.dumps({**fields, "mine": 1})) == record


def test_a_record_of_a_later_version_is_refused(fields, tmp_path):
    path = tmp_path / "a.run.json"
    # Whatever else it says.
    path.write_text(json.dumps({"schema_version": 7}))
    with pytest.raises(InputError) as caught:
        RunRecord.read(path)
    assert str(caught.value) == (
        f"{path}: written by a later labelmend (schema version 7, this one reads up to 6); "
        "update labelmend"
    )


DEEP = "[" * 100_000 + "]" * 100_000
DAMAGED = {
    "not JSON": lambda said: "{",
    "no text": lambda said: b"\xff\xfe\x00",
    "nothing": lambda said: "",
    "foreign": lambda said: '{"name": "m", "epochs": 3}',
    "no object": lambda said: "[]",
    "deep": lambda said: f'{{"schema_version": 1, "config": {DEEP}}}',
    "deep where nobody looks": lambda said: f'{{"x": {DEEP}}}',
    "a version that is none": lambda said: {**said, "schema_version": "1"},
    "a version below all": lambda said: {**said, "schema_version": -1},
    "a truth for a number": lambda said: {**said, "seed": True},
    "a text for a number": lambda said: {**said, "labels": "3"},
    "half a row": lambda said: {**said, "input": {**said["input"], "rows": 3.5}},
    "NaN": lambda said: {**said, "harm": {**said["harm"], "budget": float("nan")}},
    "infinity": lambda said: {**said, "seconds": {"embed": float("inf")}},
    "NaN in the settings": lambda said: {**said, "config": {"a": [float("nan")]}},
    "a missing key": lambda said: {k: v for k, v in said.items() if k != "noise"},
    "no channel": lambda said: {**said, "noise": {**said["noise"], "channel": {"keep": 1}}},
    "NaN in the channel": lambda said: {
        **said,
        "noise": {
            **said["noise"],
            "channel": {**said["noise"]["channel"], "temperature": float("nan")},
        },
    },
    "a list for an object": lambda said: {**said, "models": []},
    "an object for a list": lambda said: {**said, "review_order": {}},
    "null": lambda said: {**said, "notes": None},
    "half of a character": lambda said: json.dumps(said).replace("a note", "\\ud800"),
    "a number of ten thousand digits": lambda said: json.dumps(said).replace(
        '"seed": 3', f'"seed": {"1" * 10_000}'
    ),
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_record_is_refused_in_one_line(fields, tmp_path, damage):
    path = tmp_path / "a.run.json"
    said = damage(fields)
    said = json.dumps(said) if isinstance(said, dict) else said
    path.write_bytes(said if isinstance(said, bytes) else said.encode())
    with pytest.raises(InputError) as caught:
        RunRecord.read(path)
    assert str(caught.value) == (
        f"{path} is damaged, or of another version of labelmend; run labelmend relabel again"
    )


def test_a_record_that_can_not_be_read(tmp_path):
    with pytest.raises(FileNotFoundError):
        RunRecord.read(tmp_path / "gone.run.json")
    (tmp_path / "a.run.json").mkdir()
    with pytest.raises(InputError, match=r"a.run.json can't be read: Is a directory$"):
        RunRecord.read(tmp_path / "a.run.json")
