import json

from labelmend.tracking.tracked import flattened, measured, tracked_model


def test_nested_settings_have_dotted_names():
    nested = {"a": {"b": 1, "c": None}, "d": [{"e": 2}, {"e": 3}], "f": [1, 2], "g": "x"}
    assert dict(flattened(nested)) == {"a.b": 1, "d.0.e": 2, "d.1.e": 3, "f": [1, 2], "g": "x"}


def test_what_was_not_measured_is_no_metric():
    assert measured({"a": 1, "b": None, "c": float("nan"), "d": float("inf")}) == {"a": 1.0}


def test_a_model_folder_tells_what_it_is(word_models):
    folder = word_models / "model"
    card = json.loads((folder / "model.json").read_text())
    tracked = tracked_model("train-classifier", folder)
    assert tracked.params["kind"] == "logreg"
    assert tracked.params["labels"] == 3
    assert tracked.params["data.content_sha256"] == card["data"]["content_sha256"]
    assert tracked.params["config.folds"] == card["config"]["folds"]
    assert not any(name.startswith("data.label_weights") for name in tracked.params)
    assert tracked.metrics["held_out.accuracy"] == card["held_out"]["accuracy"]
    assert len(tracked.curves["oos_trade_off"]) == len(card["oos_trade_off"])
    place, figures = tracked.curves["oos_trade_off"][3]
    assert (place, figures["in_scope_accuracy"]) == (
        3,
        card["oos_trade_off"][3]["in_scope_accuracy"],
    )
    assert json.loads(tracked.texts["model_card.json"])["labels"] == card["labels"]
    assert tracked.texts["model_card.md"].startswith("# A text classifier")
    assert tracked.model == folder
