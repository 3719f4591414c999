import json

import pytest
import yaml

from labelmend.configs.load import config_to_dict, load_config
from labelmend.configs.profiles import PROFILES
from labelmend.relabel.evidence.registry import resolved_sources


def written(folder, text, name="mine.yaml"):
    (folder / name).write_text(text, "utf-8")
    return str(folder / name)


@pytest.mark.parametrize("profile", PROFILES)
def test_what_is_shown_is_the_profile(cli, profile):
    ran = cli("config", "show", "--profile", profile)
    assert (ran.code, ran.err) == (0, "")
    assert yaml.safe_load(ran.out) == config_to_dict(resolved_sources(load_config(profile)))


def test_each_value_says_where_it_comes_from(cli, tmp_path):
    base = written(tmp_path, "extends: quality\nrouting: {settled: 0.9}\n", "base.yaml")
    mine = written(
        tmp_path,
        "extends: base.yaml\nprofile: mine\nencoders: [{backend: onnx, model: x}]\n"
        "routing: {audit_rows: 7}\n",
    )
    ran = cli(
        *("config", "show", "--profile", mine, "--set", "routing.llm_rows=5"),
        *("--set", "encoders.0.max_tokens=8"),
    )
    lines = ran.out.splitlines()
    assert lines[0] == f"# {mine} extends {base} extends quality extends embedded"
    said = {tuple(line.split("  # ")[0].split(": ")): line.split("  # ")[1] for line in lines[1:]
            if "  # " in line}  # fmt: skip
    said = {(key.strip(), value.strip()): origin for (key, value), origin in said.items()}
    assert said["profile", "mine"] == mine
    assert said["settled", "0.9"] == base
    assert said["audit_rows", "7"] == mine
    assert said["llm_rows", "5"] == "--set"
    assert said["llm_share", "0.15"] == "default"
    # A list is the one's who said it last, and what he left out of it is a default.
    assert said["- backend", "onnx"] == mine
    assert said["model", "x"] == mine
    assert said["max_tokens", "8"] == "--set"
    assert said["batch_size", "64"] == "default"
    assert said["max_rows", "20000"] == "quality"
    assert said["- model", "Meta-Llama-3.1-8B-Instruct"] == "quality"


def test_one_setting_says_what_it_means(cli):
    ran = cli("config", "show", "decision.max_harm")
    assert ran.out == (
        "# Share of the good labels that may be broken. (a share from 0 to 1)\n"
        "decision.max_harm: 0.005  # default\n"
    )
    ran = cli("config", "show", "decision.max_harm", "--profile", "sirius")
    assert ran.out == (
        "# Share of the good labels that may be broken. (a share from 0 to 1; default 0.005)\n"
        "decision.max_harm: 1.0  # sirius\n"
    )


def test_a_section_says_what_its_settings_mean(cli):
    ran = cli("config", "show", "decision", "--set", "decision={review_below: 0.25}")
    assert ran.out.startswith(
        "# The harm budget.\n"
        "decision:\n"
        "  # Share of the good labels that may be broken. (a share from 0 to 1)\n"
        "  max_harm: 0.005      # default\n"
        "  # A row whose given label is more probable than this is not changed. Chosen on the noise"
        " seeds 100 and 101. (a share from 0 to 1)\n"
        "  max_row_harm: 0.5    # default\n"
    )
    assert ran.out.endswith(
        "  # Unchanged rows whose given label is less probable than this go to review."
        " (a share from 0 to 1; default 0.5)\n"
        "  review_below: 0.25   # --set\n"
    )
    lists = yaml.safe_load(cli("config", "show", "voters", "--profile", "quality").out)
    assert lists == {"voters": config_to_dict(load_config("quality"))["voters"]}
    item = cli("config", "show", "voters.1", "--profile", "quality").out
    assert item.startswith("voters.1:\n  # A GGUF, a name in models.yaml or a path; ")
    assert "\n  ballot: choice                     # quality\n" in item
    assert cli("config", "show", "voters", "--set", "voters=[]").out.endswith(
        "voters: []  # --set\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("decison",), "config show decison: unknown key 'decison' (did you mean 'decision'?)"),
        (("voters.1",), "config show voters.1: '1' is no place in a list of 1"),
        (("voters.0.server.url",), "config show voters.0.server.url: voters.0.server is null here"),
        (("classify.lightgbm.leaves",), "'leaves': it is called 'num_leaves' now"),
        (("--profile", "qualty"), "unknown profile 'qualty' (did you mean 'quality'?)"),
        (("--profile", "auto"), "profile auto is chosen by the language of a table, where a"),
        (("--set", "seed=-1"), "--set seed is -1: give at least 0"),
        (("--set", "classify.logreg.max_iterations=3"), "it is called 'max_iter' now"),
    ],
)
def test_what_can_not_be_shown(cli, arguments, said):
    assert said in cli("config", "show", *arguments).refusal()


def test_the_schema_says_what_a_profile_may_hold(cli):
    ran = cli("config", "schema")
    assert (ran.code, ran.err) == (0, "")
    schema = json.loads(ran.out)
    assert "required" not in schema  # a profile may leave all to what it extends
    assert not schema["additionalProperties"]
    assert next(iter(schema["properties"])) == "extends"
    assert set(schema["properties"]) == {"extends", *config_to_dict(load_config())}
    harm = schema["$defs"]["DecisionConfig"]["properties"]["max_harm"]
    assert (harm["minimum"], harm["maximum"], harm["default"]) == (0, 1, 0.005)
    assert harm["description"] == "Share of the good labels that may be broken."
    # Only what stands in a list, which no other profile completes, must say something.
    needed = {
        name: kind["required"] for name, kind in schema["$defs"].items() if "required" in kind
    }
    assert needed == {
        "EncoderConfig": ["backend", "model"],
        "ServerConfig": ["url"],
        "VoterConfig": ["model", "ballot"],
    }
