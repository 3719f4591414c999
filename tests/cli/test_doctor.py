import json

import pytest

from labelmend.workflows import doctor
from labelmend.workflows.doctor import Diagnosis, Finding


def diagnosis(*needs):
    fine = (Finding("labelmend", "OK", "0.1.0"),)
    return Diagnosis("embedded", True, needs, fine, (), (), (), ())


@pytest.fixture
def found(monkeypatch):
    """What the workflow finds, and what it was asked."""
    asked = []

    def diagnose(*words, **options):
        asked.append((words, options))
        return diagnosis(*found)

    found = [Finding("encoder", "OK", "bge, by onnx")]
    monkeypatch.setattr(doctor, "diagnose", diagnose)
    return found, asked


LACKING = Finding("voter", "missing", "big is not here", "labelmend models pull big")


def test_a_profile_that_can_run(cli, found):
    ran = cli("doctor")
    assert (ran.code, ran.err) == (0, "")
    assert "\n  OK       encoder  bge, by onnx\n" in ran.out
    assert ran.out.splitlines()[-1] == "The profile embedded can run."


def test_a_profile_that_lacks_something(cli, found):
    found[0].append(LACKING)
    ran = cli("doctor", "--profile", "quality", "--set", "seed=1", "--no-llm")
    assert (ran.code, ran.err) == (1, "")
    assert "\n  missing  voter    big is not here; run: labelmend models pull big\n" in ran.out
    assert ran.out.splitlines()[-2:] == [
        "The profile embedded can't run. What mends it:",
        "  labelmend models pull big",
    ]
    assert found[1] == [(("quality", ("seed=1",)), {"use_llm": False})]


def test_a_line_is_never_broken(cli, found):
    found[0].append(Finding("voter", "missing", "w" * 300, "x"))
    assert f"{'w' * 300}; run: x\n" in cli("doctor").out


def test_quiet_says_it_by_the_exit_code(cli, found):
    ran = cli("doctor", "--quiet")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    found[0].append(LACKING)
    ran = cli("doctor", "-q")
    assert (ran.code, ran.out, ran.err) == (1, "", "")


def test_as_json(cli, found):
    found[0].append(LACKING)
    ran = cli("doctor", "--json")
    assert ran.code == 1
    told = json.loads(ran.out)
    assert told["can_run"] is False
    assert told["remedies"] == ["labelmend models pull big"]
    assert told["needs"][1] == {
        "what": "voter",
        "state": "missing",
        "told": "big is not here",
        "remedy": "labelmend models pull big",
        "lacking": [],
    }


def test_bad_input_is_one_line(cli):
    assert cli("doctor", "--profile", "qualty").refusal().startswith("unknown profile 'qualty'")
    assert cli("doctor", "--set", "nope=1").refusal().startswith("--set nope: unknown key")
