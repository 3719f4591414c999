"""Files in, files out, with the stages in between left out."""

import hashlib
from pathlib import Path

import pytest

from labelmend.configs.load import load_config
from labelmend.data.request import TableRequest, load_table
from labelmend.errors import ColumnError, InputError, OutputError
from labelmend.protocols import NoProgress
from labelmend.runs.layout import OutputPaths
from labelmend.types import NO_LABEL, LabelCard
from labelmend.workflows import relabel as job
from labelmend.workflows.relabel import relabel_file

CONFIG = load_config("embedded")


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,text,label\n7,hello,a\n8,lost,b\n9,lost it,\n10,hi,a\n")
    return path


def test_the_files_are_named_after_the_table():
    assert OutputPaths.beside(Path("x/a.b.csv")) == OutputPaths(
        Path("x/a.b.csv"),
        Path("x/a.b.evidence.jsonl"),
        Path("x/a.b.run.json"),
        Path("x/a.b.labels.yaml"),
        Path("x/a.b.votes.sqlite"),
        Path("x/a.b.index.arrow"),
    )


@pytest.mark.parametrize("path", [".", "/"])
def test_a_path_without_a_name(path):
    with pytest.raises(OutputError, match="is a folder; give a file name in it"):
        OutputPaths.beside(Path(path))


def test_a_loaded_table(table):
    loaded = load_table(TableRequest(table), CONFIG.data, {})
    assert (loaded.columns.text, loaded.columns.label, loaded.columns.id) == ("text", "label", "id")
    assert loaded.dataset.ids == ("7", "8", "9", "10")
    assert loaded.dataset.given.tolist() == [0, 1, NO_LABEL, 0]
    assert loaded.notes[0] == "1 row has no label: labelled from scratch"


def test_labels_of_a_labels_file_join_the_set(table):
    written = {"c": LabelCard("c", "new", (), "user")}
    loaded = load_table(TableRequest(table, oos_label="none"), CONFIG.data, written)
    assert loaded.dataset.labels == ("a", "b", "c", "none")
    assert loaded.dataset.oos == 3


def test_no_label_column_is_needed_where_a_labels_file_is_given(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text\nhello\nlost\n")
    written = {name: LabelCard(name, "", (), "user") for name in "ab"}
    assert load_table(TableRequest(path), CONFIG.data, written).columns.label is None
    with pytest.raises(ColumnError, match="no label column found"):
        load_table(TableRequest(path), CONFIG.data, {})


def test_the_input_is_checked_before_the_output(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        relabel_file(
            TableRequest(tmp_path / "no" / "t.csv"), tmp_path / "x.xlsx", CONFIG, NoProgress()
        )


def test_nothing_is_loaded_for_what_can_not_be_written(table, monkeypatch):
    monkeypatch.setattr(job, "locate_models", None)
    with pytest.raises(OutputError, match="is the input itself"):
        relabel_file(TableRequest(table), table, CONFIG, NoProgress())


def test_a_folder_in_the_place_of_the_votes(table, tmp_path, encoders):
    (tmp_path / "o.votes.sqlite").mkdir()
    config = load_config("embedded", ["describe.model=''", "voters=[]"])
    for fresh in (True, False):
        with pytest.raises(OutputError, match=r"o\.votes\.sqlite"):
            relabel_file(TableRequest(table), tmp_path / "o.csv", config, NoProgress(), fresh=fresh)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["o.votes.sqlite", "t.csv"]


TABLES = {
    "Arabic": ("أين طلبي", "متى ستصل الشحنة", "أريد إعادة الحذاء", "من فضلك ألغ اشتراكي"),
    "Chinese": ("我的订单在哪里", "包裹什么时候到", "我想退货", "怎么修改密码"),
    "Japanese": (
        "商品はどこですか",
        "荷物はいつ届きますか",
        "靴を返品したいです",
        "解約をお願いします",
    ),
    "Russian": ("где мой заказ", "когда привезут посылку", "приложение больше не запускается"),
    "German": (
        "wo bleibt meine Bestellung",
        "wann kommt das Paket an",
        "bitte kündigen Sie mein Abo",
    ),
    "English": ("where is my order", "when will it arrive", "i want to return my shoes"),
}


@pytest.mark.parametrize("language", TABLES)
def test_what_is_not_read_is_told_in_one_line_before_any_work(tmp_path, encoders, language):
    assert all(model.path.is_dir() for model in encoders)
    path = tmp_path / "t.csv"
    rows = [f"{text},{'ab'[i % 2]}\n" for i, text in enumerate(TABLES[language])]
    path.write_text("text,label\n" + "".join(rows), "utf-8")
    told = []

    class Begun(NoProgress):
        def start(self, stage, total):
            assert stage == "embed texts"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        relabel_file(
            *(TableRequest(path), tmp_path / "o.csv", CONFIG, Begun()),
            use_llm=False,
            tell=told.append,
        )
    (note,) = told
    assert note.startswith(f"texts are in {language}")
    assert note.endswith(f"--profile multilingual reads {language}") == (language != "English")
    assert ("not read them" in note) == (language not in {"German", "English"})


def test_the_record_names_the_labels_file_from_the_output_on(tmp_path):
    (tmp_path / "real" / "deep").mkdir(parents=True)
    cards = tmp_path / "cards.yaml"
    cards.write_bytes(b"a: {}\n")
    # Behind the link, `..` is not where it looks to be.
    (tmp_path / "out").symlink_to(tmp_path / "real" / "deep")
    found = job.labels_given(cards, tmp_path / "out" / "mended.csv")
    assert found.path == "../../cards.yaml"
    assert found.sha256 == hashlib.sha256(b"a: {}\n").hexdigest()
    assert (tmp_path / "out" / found.path).samefile(cards)
    assert job.labels_given(cards, tmp_path / "mended.csv").path == "cards.yaml"
