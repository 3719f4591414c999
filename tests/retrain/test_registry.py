import subprocess
import sys
from pathlib import Path

import pytest

from labelmend.errors import InputError, ModelError, ModelMissingError, OutputError
from labelmend.retrain import registry as module
from labelmend.retrain.registry import (
    Registry,
    champion_id,
    champion_model,
    is_registry,
)
from labelmend.retrain.version import Version


def record(registry, verdict="promoted", **more):
    told = {"champion_before": registry.champion(), **more}
    return Version(
        id=registry.next_id(),
        at="2026-11-30T05:30:00+00:00",
        kind="logreg",
        data_sha256="0" * 64,
        rows=3,
        new_rows=1,
        verdict=verdict,
        **told,
    )


def staged(registry, says="a model"):
    place = registry.stage()
    (place / "model").mkdir()
    (place / "model" / "model.json").write_text(says)
    return place


def add(registry, verdict="promoted", **more):
    return registry.commit(staged(registry), record(registry, verdict, **more))


@pytest.fixture
def registry(tmp_path):
    return Registry.make(tmp_path / "registry")


def test_a_new_registry_has_no_champion(registry):
    assert is_registry(registry.folder)
    assert (registry.ids(), registry.champion(), registry.history()) == ((), None, ())
    with pytest.raises(ModelMissingError, match="has no champion yet"):
        champion_model(registry.folder)


def test_a_promoted_version_is_the_champion_and_a_refused_one_is_kept(registry):
    first = add(registry, metrics={"accuracy": 0.5, "oos recall": None})
    assert (first.event, first.version, first.champion) == ("promoted", "v00001", "v00001")
    second = add(registry, "refused", reasons=("labels look shuffled",))
    assert (second.event, second.champion) == ("refused", "v00001")
    third = add(registry, "not better")
    assert registry.ids() == ("v00001", "v00002", "v00003")
    assert registry.champion() == "v00001"
    assert [event.version for event in registry.history()] == ["v00001", "v00002", "v00003"]
    assert registry.history()[1].reasons == ("labels look shuffled",)
    assert registry.version("v00001").metrics == {"accuracy": 0.5, "oos recall": None}
    assert not third.recovered


def test_the_champion_is_a_link_to_a_model_folder(registry):
    add(registry)
    link = registry.folder / "champion"
    assert link.readlink() == Path("versions/v00001/model")
    assert (link / "model.json").read_text() == "a model"
    assert champion_model(registry.folder) == registry.place("v00001") / "model"
    add(registry)
    assert champion_id(registry.folder) == "v00002"
    # The one before stays where it was, for whoever still reads it.
    assert (registry.place("v00001") / "model" / "model.json").is_file()


def test_rolling_back_goes_to_the_champion_before(registry):
    add(registry)
    add(registry, "not better")
    add(registry)
    add(registry)
    assert registry.champions() == ("v00001", "v00003", "v00004")
    event = registry.rollback(reason="worse in use")
    assert (event.event, event.champion, event.reasons) == (
        "rolled back",
        "v00003",
        ("worse in use",),
    )
    assert registry.rollback().champion == "v00001"
    assert registry.champions() == ("v00001",)
    with pytest.raises(InputError, match="nothing to go back to"):
        registry.rollback()
    # A later champion stands on the one that was gone back to.
    add(registry)
    assert registry.champions() == ("v00001", "v00005")


def test_rolling_back_to_a_version_by_name(registry):
    for _ in range(3):
        add(registry)
    assert registry.rollback("v00001").champion == "v00001"
    assert registry.rollback("v00003").champion == "v00003"
    with pytest.raises(InputError, match=r"no model of a version '\.\./v00001'; there are v00001"):
        registry.rollback("../v00001")


def test_a_version_that_was_compared_with_another_champion_is_not_promoted(registry):
    add(registry)
    add(registry)
    waiting = staged(registry)
    version = record(registry)
    registry.rollback()
    event = registry.commit(waiting, version)
    assert event.event == "not better"
    assert event.champion == "v00001"
    assert event.reasons == ("the champion is v00001 now, and it was compared with another",)


def test_only_one_step_at_a_time(registry):
    other = Registry(registry.folder)
    with registry.step() as first, other.step() as second:
        assert first
        assert not second
    with other.step() as again:
        assert again


class Killed(BaseException):
    pass


MOMENTS = (
    "write_version",
    "sync_folder",
    "append_lines",
    "Registry._settle",
    "Registry._point",
    "Registry._log",
)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_kill_at_any_moment_leaves_all_of_a_version_or_none(registry, monkeypatch, moment, after):
    add(registry)
    holder, _, name = moment.rpartition(".")
    holder = module.Registry if holder else module
    real = getattr(holder, name)

    def killed(*given, **told):
        if after:
            real(*given, **told)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(holder, name, killed)
        with pytest.raises(Killed):
            add(registry)
    with Registry(registry.folder).step() as taken:
        assert taken
    opened = Registry(registry.folder)
    there = opened.ids() == ("v00001", "v00002")
    assert there or opened.ids() == ("v00001",)
    assert opened.champion() == ("v00002" if there else "v00001")
    assert tuple(event.version for event in opened.history()) == opened.ids()
    assert opened.champions() == opened.ids()
    assert not (opened.folder / "staging").exists()
    assert add(opened).event == "promoted"


def test_a_kill_in_a_rollback_leaves_a_history_that_tells_it(registry, monkeypatch):
    add(registry)
    add(registry)

    def killed(*given, **told):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(module.Registry, "_log", killed)
        with pytest.raises(Killed):
            registry.rollback()
    opened = Registry(registry.folder)
    assert opened.champion() == "v00001"
    last = opened.history()[-1]
    assert (last.event, last.champion, last.recovered) == ("rolled back", "v00001", True)
    assert opened.champions() == ("v00001",)


def test_a_cut_line_of_the_history_is_no_event(registry):
    add(registry)
    with (registry.folder / "history.jsonl").open("ab") as file:
        file.write(b'{"at": "2026')
    opened = Registry(registry.folder)
    assert [event.version for event in opened.history()] == ["v00001"]
    add(opened)
    assert [event.version for event in opened.history()] == ["v00001", "v00002"]


def test_old_models_go_and_what_is_known_of_them_stays(registry):
    add(registry)
    for _ in range(3):
        add(registry, "not better")
    add(registry)
    add(registry)
    assert registry.drop_models(2) == ("v00001", "v00002", "v00003", "v00004")
    assert len(registry.versions()) == 6
    assert registry.rollback().champion == "v00005"
    with pytest.raises(InputError, match=r"no model of a version 'v00001'; there are v00005, v0"):
        registry.rollback()


def test_rolling_back_passes_over_models_that_are_gone(registry):
    for _ in range(3):
        add(registry)
    registry.drop_models(1)
    assert registry.champion() == "v00003"
    with pytest.raises(InputError, match="has no model of a version 'v00002'"):
        registry.rollback()


def test_a_folder_of_other_files_is_no_registry(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds other files than a registry's"):
        Registry.make(tmp_path)
    with pytest.raises(InputError, match="is no registry"):
        Registry(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        Registry(tmp_path / "missing")
    with pytest.raises(OutputError, match="is missing; create it first"):
        Registry.make(tmp_path / "missing" / "registry")


def test_a_broken_record_is_one_line(registry):
    add(registry)
    path = registry.place("v00001") / "version.json"
    path.write_text('{"format": 1}')
    with pytest.raises(ModelError, match=r"version.json: can't be read \(id: Field required\)"):
        registry.versions()


KILLED_WRITER = """
import sys
sys.path[:0] = [{tests!r}]
from test_registry import add, Registry
from pathlib import Path
registry = Registry(Path({folder!r}))
print("ready", flush=True)
while True:
    with registry.step():
        add(registry)
"""


def test_a_writer_that_is_killed_again_and_again(registry):
    code = KILLED_WRITER.format(tests=str(Path(__file__).parent), folder=str(registry.folder))
    for moment in range(4):
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as writer:
            writer.stdout.readline()
            with pytest.raises(subprocess.TimeoutExpired):
                writer.wait(0.05 + 0.037 * moment)
            writer.kill()
        opened = Registry(registry.folder)
        assert opened.champion() == (opened.ids() or (None,))[-1]
        assert tuple(event.version for event in opened.history()) == opened.ids()
        for name in opened.ids():
            assert opened.version(name).id == name
            assert (opened.place(name) / "model" / "model.json").read_text() == "a model"
    assert len(opened.ids()) > 4
