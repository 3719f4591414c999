import pytest

from labelmend.engines.growth import Law, Part, Sum, Ways, fitted_growth, growth_from


def test_a_law_is_a_power_of_rows_beyond_its_start_and_of_labels():
    # 0.5 * (300 + 100) ** 1 * 16 ** 0.5
    assert Law(0.5, 100.0, 1.0, 0.5).at(300, 16) == 800.0
    # No label is counted as one.
    assert Law(2.0, 0.0, 2.0, 1.0).at(3, 0) == 18.0


def test_memory_is_a_sum():
    assert Sum(100.0, 2.0, 3.0).at(10, 5) == 135.0


def test_which_way_stages_take():
    ways = Ways(exact_up_to=50, large_scores=100, max_scores=1000, least_texts=0.5)
    assert ways.of("neighbours", 50, 9) == "neighbours, exact"
    assert ways.of("neighbours", 51, 9) == "neighbours, in cells"
    classifier = [ways.of("rounds: classifier", texts, 10) for texts in (10, 11, 100, 101)]
    assert [name.removeprefix("rounds: classifier, ") for name in classifier] == [
        "many folds",
        "few folds",
        "few folds",
        "discriminant",
    ]
    # Half a text a label: below, a large table's regressions learn too little.
    few = [ways.of("rounds: classifier", texts, 22) for texts in (4, 10, 11, 12)]
    assert [name.removeprefix("rounds: classifier, ") for name in few] == [
        "many folds",
        "discriminant",
        "discriminant",
        "few folds",
    ]
    assert ways.of("rounds: weights", 10**9, 10**4) == "rounds: weights"


def test_what_does_not_divide_takes_as_long_on_many_machines():
    assert Part(60.0).on(100, 16) == 60.0


def test_what_divides_takes_a_core_each():
    # All of it in many blocks: 60 s on 2 cores are 6 s on 10 machines of 2.
    assert Part(60.0, 1.0, 1000.0).on(10, 2) == pytest.approx(6.0)
    # Eight folds keep no more than eight cores busy.
    assert Part(60.0, 1.0, 8.0).on(10, 2) == pytest.approx(15.0)
    # Half of the processor's time divides: here 1/2 + 1/4, on 8 machines 1/2 + 1/32.
    assert Part(60.0, 0.5, 16.0).on(8, 2) == pytest.approx(60 * (0.5 + 0.5 / 16) / 0.75)
    # Four folds on a machine of 16 cores: others can't help.
    assert Part(60.0, 1.0, 4.0).on(10, 16) == pytest.approx(60.0)


def test_what_holds_a_model_keeps_a_machine_busy():
    # Ten blocks on four machines: three turns.
    part = Part(100.0, 1.0, 10.0, whole_machines=True)
    assert [part.on(n, 16) for n in (1, 4, 10, 1000)] == pytest.approx([100.0, 30.0, 10.0, 10.0])
    assert Part(0.0, 1.0, 0.0, whole_machines=True).on(4, 16) == 0.0


def test_more_machines_never_take_longer():
    for tasks in (1.0, 3.5, 8.0, 500.0):
        for whole in (False, True):
            part = Part(60.0, 0.8, tasks, whole)
            times = [part.on(n, 2) for n in (1, 2, 5, 10, 100)]
            assert times == sorted(times, reverse=True)
            assert times[0] == pytest.approx(60.0)


def test_the_table_of_the_package_is_whole():
    growth = fitted_growth()
    assert {"write", "decide", "neighbours, exact", "rounds: weights"} <= set(growth.stages)
    assert set(growth.fitted) == {"command", "machine", "commit", "date"}
    assert growth.width == 768
    assert growth.off_by >= 1
    assert all(0 <= stage.divides <= 1 for stage in growth.stages.values())
    # Twice the rows never take more than four times as long.
    for stage in growth.stages.values():
        law = stage.seconds
        assert 1 <= law.at(10**6, 1000) / law.at(5 * 10**5, 1000) <= 4.001


def test_a_table_with_an_unknown_field_is_refused():
    with pytest.raises(KeyError):
        growth_from({"stages": {}})
