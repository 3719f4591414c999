"""What the benchmark of new texts draws and reports; nothing is asked and nothing is trained."""

from dataclasses import fields, replace

import augment as bench
import pytest
from augment import FULL, OFF, Cell, Line

from labelmend.configs.schema import ChecksConfig

CELL = Cell(rows=3, seed=0, min_rows=10, questions=False)


def line(condition, f1, cell=CELL, **more):
    plain = Line(
        cell=cell,
        condition=condition,
        drafts=0,
        accepted=0,
        rejected={},
        right=0,
        near=0,
        rare_f1=dict.fromkeys(bench.KINDS, f1),
        macro_f1=dict.fromkeys(bench.KINDS, f1),
        distinct=(None, None),
        distance=(None, None),
        seconds=1.0,
        model="m",
        code="c",
        versions="v",
    )
    return replace(plain, **more)


def test_words_are_moved_left_out_or_put_in_again():
    found = bench.eda(["a b c d", "e"], 4, 0)
    assert found == bench.eda(["a b c d", "e"], 4, 0) != bench.eda(["a b c d", "e"], 4, 1)
    assert len(found) == 4
    assert all(set(text.split()) <= set("abcd") for text in found[::2])
    assert all(3 <= len(text.split()) <= 5 for text in found[::2])
    assert all(set(text.split()) == {"e"} for text in found[1::2])


def test_each_check_is_left_out_once():
    found = dict(bench.conditions_of(CELL))
    assert list(found)[:4] == ["cut", "oversampled", "EDA", FULL]
    assert found["cut"] is None
    assert found[FULL] == ChecksConfig(questions=False)
    assert found["without label"] == ChecksConfig(questions=False, label=False)
    assert "without questions" not in found
    assert "without questions" in dict(bench.conditions_of(replace(CELL, questions=True)))
    assert not any(getattr(found[OFF], field.name) for field in fields(ChecksConfig))


def test_new_texts_are_rows_that_are_not_real(dataset_of):
    found = bench.with_texts(dataset_of(["a", "b"], ["x", "y"]), [("c", 1)])
    assert (found.texts, found.given.tolist(), found.made_from) == (
        ("a", "b", "c"),
        [0, 1, 1],
        {2: ()},
    )


def test_the_report_holds_the_figures_to_the_goals():
    cells = [CELL, replace(CELL, seed=1)]
    lines = [line(name, 0.5, cell) for cell in cells for name in bench.PLAIN]
    for cell, accepted, right, f1 in zip(cells, (40, 60), (39, 56), (0.52, 0.56), strict=True):
        lines.append(
            line(FULL, f1, cell, accepted=accepted, drafts=125, right=right, distinct=(0.9, 0.8))
        )
    text = bench.report({one.key: one for one in lines}, cells, "command")
    # 100 of 250 drafts, 95 of them right; F1 0.54 is 4 points up.
    row = "| augmented | 100 | 40% | 95.0% | 0 | 0.90, 0.80 |  | 54.00% | 54.00% |"
    assert row in text
    assert "| logreg: F1 up by at least 3 points | +4.0 | reached |" in text
    assert "| logreg: never worse than oversampling | +4.0 | reached |" in text
    assert "| no near copy of a test text | 0 | reached |" in text
    worse = [replace(one, near=1) if one.condition == FULL else one for one in lines]
    worse = [
        replace(one, rare_f1=dict.fromkeys(bench.KINDS, 0.6))
        if one.condition == "oversampled"
        else one
        for one in worse
    ]
    text = bench.report({one.key: one for one in worse}, cells, "command")
    assert "| logreg: never worse than oversampling | -6.0 | **not reached** |" in text
    assert "| no near copy of a test text | 2 | **not reached** |" in text


def test_a_line_is_read_back(tmp_path):
    path = tmp_path / "r.jsonl"
    bench.append_record(path, bench.asdict(line(FULL, 0.5, distinct=(0.9, None))))
    found = bench.read_latest(path, bench.a_line)
    held = found[CELL, FULL]
    assert held.cell == CELL
    assert tuple(held.distinct) == (0.9, None)


@pytest.mark.shared
def test_labels_are_cut_to_a_few_rows(shared_data):
    dataset, rare = bench.cut(bench.read_world(), CELL)
    counts = [(dataset.given == dataset.labels.index(name)).sum() for name in rare]
    assert counts == [3] * 10
    assert len(dataset) == 3 * 10 + 140 * 100
