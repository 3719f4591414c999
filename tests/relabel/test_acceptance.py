"""The main job on data that the repository does not carry."""

import pytest

from labelmend.configs.load import load_config
from labelmend.data.read import read_table
from labelmend.data.request import TableRequest
from labelmend.protocols import NoProgress
from labelmend.workflows.demo import score
from labelmend.workflows.relabel import relabel_file

pytestmark = [pytest.mark.slow, pytest.mark.shared]


def test_the_reference_set_is_mended_and_not_harmed(shared_data, encoders, tmp_path):
    assert all(model.path.is_dir() for model in encoders)
    table = shared_data / "sirius" / "noisy_train.csv"
    output = tmp_path / "mended.csv"
    outcome = relabel_file(TableRequest(table), output, load_config(), NoProgress(), use_llm=False)
    counted = score(outcome, read_table(table).values("true_label"))
    assert counted.right_before == 13590
    assert counted.right_after >= 0.995 * 15100
    assert counted.broken <= 0.0015 * 13590
    assert outcome.result.posterior.channel.keep_rate == pytest.approx(0.9, abs=0.005)


def test_clean_labels_stay(shared_data, encoders, tmp_path):
    assert all(model.path.is_dir() for model in encoders)
    table = shared_data / "clinc150" / "train.csv"
    output = tmp_path / "mended.csv"
    outcome = relabel_file(TableRequest(table), output, load_config(), NoProgress(), use_llm=False)
    changed = outcome.result.decisions.mended != outcome.result.dataset.given
    assert changed.sum() <= 0.0005 * 15100
