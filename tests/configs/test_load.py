import dataclasses
import json
import re
from importlib import resources
from pathlib import Path

import pytest
import yaml

from labelmend.configs.load import config_to_dict, load_config
from labelmend.configs.plain_yaml import load_yaml
from labelmend.configs.profiles import PROFILES
from labelmend.configs.schema.asking import MOST_OPTIONS
from labelmend.errors import ConfigError
from labelmend.prompts.render import LETTERS


def refusal(profile: str = "embedded", *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(profile, overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message


def write(folder: Path, text: str, name: str = "mine.yaml") -> str:
    (folder / name).write_text(text, "utf-8")
    return str(folder / name)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_loads_and_bears_its_name(profile):
    assert load_config(profile).profile == profile


def test_every_profile_file_is_known():
    shipped = {p.name for p in resources.files("labelmend.configs").iterdir()}
    yamls = {name.removesuffix(".yaml") for name in shipped if name.endswith(".yaml")}
    assert yamls - {"models"} == set(PROFILES)


@pytest.mark.parametrize("profile", PROFILES)
def test_descriptions_are_written_where_the_voters_run(profile):
    config = load_config(profile)
    assert {voter.gpu_layers for voter in config.voters} <= {config.describe.gpu_layers}
    assert bool(config.voters) == bool(config.describe.model)
    needs_no_hub = profile in ("embedded", "multilingual")
    assert config.describe.gpu_layers == (0 if needs_no_hub else -1)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_model_a_profile_names_is_pinned_under_its_kind(profile):
    text = resources.files("labelmend.configs").joinpath("models.yaml").read_text("utf-8")
    kinds = {name: entry["kind"] for name, entry in yaml.safe_load(text).items()}
    config = load_config(profile)
    assert {kinds[encoder.model] for encoder in config.encoders} == {"encoder"}
    assert kinds[config.reranker.model] == "reranker" or config.reranker.backend == "none"
    llms = [voter.model for voter in config.voters] + [config.describe.model]
    assert {kinds[model] for model in llms if model} <= {"gguf"}
    assert any(llms) or profile == "multilingual"


def test_a_profile_overlays_what_it_extends():
    base, quality, sirius = map(load_config, ("embedded", "quality", "sirius"))
    assert quality.reranker.model == "bge-reranker-v2-m3"
    assert quality.reranker.batch_size == base.reranker.batch_size  # a mapping is merged
    assert len(base.voters) == 1
    assert [v.model[:4] for v in quality.voters] == ["Qwen", "Meta", "gemm"]  # a list is replaced
    assert sirius.voters == quality.voters
    assert [e.model for e in base.encoders] == ["bge-small-en-v1.5", "use-multilingual-v3"]
    assert [e.backend for e in base.encoders] == ["onnx", "onnx"]
    assert [e.model for e in quality.encoders] == ["bge-large-en-v1.5"]
    assert [e.model for e in load_config("multilingual-quality").encoders] == ["bge-m3"]
    small = ["multilingual-e5-small", "use-multilingual-v3"]
    assert [e.model for e in load_config("multilingual").encoders] == small
    assert load_config("multilingual").voters == ()
    assert sirius.encoders == quality.encoders
    assert sirius.evidence["bm25"].weight == 0.3


def test_overrides_reach_scalars_lists_and_items():
    config = load_config(
        "quality",
        [
            "seed=7",
            "decision.max_harm=0",
            "fusion.oos_threshold=1e-6",
            "encoders.0.query_prefix='query: '",
            "data.oos_labels=[none, other]",
            "voters.1.candidates=4",
            "evidence={bm25: {weight: 1}, mine: {weight: 4, options: {a: [1]}}}",
        ],
    )
    assert config.seed == 7
    assert config.decision.max_harm == 0.0
    assert isinstance(config.decision.max_harm, float)
    assert config.fusion.oos_threshold == 0.000001
    assert [e.query_prefix for e in config.encoders] == ["query: "]
    assert config.data.oos_labels == ("none", "other")
    # Three voters are written with one YAML anchor; one override is one voter's.
    assert [v.candidates for v in config.voters] == [10, 4, 10]
    assert config.evidence["bm25"].weight == 1
    # A mapping is merged with what stands below it: the other sources stay.
    assert config.evidence["description"].weight == 0.5
    assert config.evidence["mine"].options == {"a": [1]}
    assert load_config("embedded", ["voters=[]"]).voters == ()
    # So are the two encoders of the embedded profile.
    cached = load_config("embedded", ["encoders.0.cache=false"]).encoders
    assert [e.cache for e in cached] == [False, True]


def test_an_override_may_fill_what_another_began():
    given = ["voters.0.server={url: h}", "voters.0.server.requests=3", "voters.0.ballot=choice"]
    (voter,) = load_config("embedded", given).voters
    assert voter.server is not None
    assert (voter.server.url, voter.server.requests) == ("h", 3)
    assert "voters.0.server.requests is 0: give at least 1" in refusal(
        "embedded", given[0], "voters.0.server.requests=0"
    )
    # On its way a configuration may be one that would be refused.
    longer = ["voters.1.candidates=30", "voters.1.ballot=channel"]
    assert load_config("quality", longer).voters[1].candidates == 30


def test_an_override_with_a_mapping_changes_what_it_names():
    config = load_config("sirius", ["decision={max_harm: 0.1}"])
    assert (config.decision.max_harm, config.decision.max_row_harm) == (0.1, 1.0)


def test_an_error_names_the_file_that_says_it(tmp_path):
    base = write(tmp_path, "decision: {max_harm: 2}\n", "base.yaml")
    mine = write(tmp_path, "extends: base.yaml\ndecision: {min_confidence: 0.1}\n")
    assert refusal(mine) == f"{base}: decision.max_harm is 2: give a share from 0 to 1"
    # What is laid over it mends it.
    mended = write(tmp_path, "extends: base.yaml\ndecision: {max_harm: 0.1}\n", "mended.yaml")
    assert load_config(mended).decision.max_harm == 0.1
    assert refusal(mended, "decision.max_harm=3").startswith("--set decision.max_harm is 3")


def test_a_later_override_wins_and_files_are_left_alone():
    assert load_config("embedded", ["seed=1", "seed=2"]).seed == 2
    assert load_config("embedded").seed == 0


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("retreival.candidates=5", "--set retreival.candidates: unknown key 'retreival'"),
        ("retrieval.candidate=5", "(did you mean 'candidates'?)"),
        ("voters.1.model=x", "--set voters.1.model: '1' is no place in a list of 1"),
        ("voters.\u00b2=x", "'\u00b2' is no place in a list of 1"),
        ("voters.first.model=x", "'first' is no place in a list of 1"),
        ("encoder.model=x", "unknown key 'encoder' (did you mean 'encoders'?)"),
        ("encoders.2.model=x", "--set encoders.2.model: '2' is no place in a list of 2"),
        ("encoders.model=x", "--set encoders.model: 'model' is no place in a list of 2"),
        ("encoders.1.modell=x", "unknown key 'modell' (did you mean 'model'?)"),
        ("seed.x=1", "--set seed.x: unknown key 'x'"),
        ("seed", "write it as key=value"),
        ("=1", "write it as key=value"),
        ("seed=[1", "--set seed, line 1: not valid YAML"),
    ],
)
def test_override_that_names_nothing(override, message):
    assert message in refusal("embedded", override)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("seed=x", "--set seed: expected int, got 'x'"),
        ("seed=1.5", "seed: expected int, got 1.5"),
        ("seed=true", "seed: expected int, got True"),
        ("decision.max_harm=true", "decision.max_harm: expected float, got True"),
        ("decision.max_harm=small", "decision.max_harm: expected float, got 'small'"),
        ("encoders.1.model=1", "encoders.1.model: expected str, got 1"),
        ("encoders=[]", "encoders is empty: give at least 1"),
        ("encoders={model: x}", "encoders: expected a list, got {'model': 'x'}"),
        ("encoders.0={model: x}", "encoders.0.backend is missing"),
        ("encoders.1.backend=flag", "'flag' is not one of sentence-transformers, onnx"),
        ("data.oos_labels=oos", "data.oos_labels: expected a list, got 'oos'"),
        ("data.oos_labels=[oos, 1]", "data.oos_labels.1: expected str, got 1"),
        ("voters=[1]", "voters.0: expected a mapping, got 1"),
        ("retrieval=3", "retrieval: expected a mapping, got 3"),
        ("voters.0={model: x}", "voters.0.ballot is missing"),
        (
            "voters.0.ballot=chanel",
            "voters.0.ballot: 'chanel' is not one of channel, choice (did you mean 'channel'?)",
        ),
        ("reranker.backend=[onnx]", "['onnx'] is not one of onnx, flag, cross-encoder, none"),
    ],
)
def test_value_of_a_wrong_kind(override, message):
    assert message in refusal("embedded", override)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("decision.max_harm=1.1", "decision.max_harm is 1.1: give a share from 0 to 1"),
        ("decision.min_confidence=-0.1", "decision.min_confidence is -0.1"),
        ("decision.review_below=.nan", "decision.review_below is nan"),
        ("retrieval.candidates=2", "retrieval.candidates is 2: give at least 3"),
        ("evidence.bm25.weight=-1", "evidence.bm25.weight is -1: give at least 0"),
        (
            "suspect.folds=4",
            "unknown key 'suspect': it is called 'evidence.classifier.options' now",
        ),
        ("retrieval.rank_constant=.nan", "retrieval.rank_constant is nan: give a finite number"),
        ("voters.0.candidates=1", "voters.0.candidates is 1: give at least 2"),
        ("voters.0.threads=513", "voters.0.threads is 513: give from 0 to 512"),
        ("describe.threads=513", "describe.threads is 513: give from 0 to 512"),
        ("voters.0.batch_tokens=255", "voters.0.batch_tokens is 255: give at least 256"),
        ("voters.0.threads=-1", "voters.0.threads is -1: give from 0 to 512"),
        ("describe.threads=-1", "describe.threads is -1: give from 0 to 512"),
        ("describe.gpu_layers=-2", "describe.gpu_layers is -2: give at least -1"),
        ("voters.0.gpu_layers=-2", "voters.0.gpu_layers is -2: give at least -1"),
        ("reranker.max_rows=-2", "reranker.max_rows is -2: give at least -1"),
        ("routing.llm_rows=-2", "routing.llm_rows is -2: give at least -1"),
        ("encoders.0.batch_size=0", "encoders.0.batch_size is 0: give at least 1"),
        ("encoders.1.max_tokens=7", "encoders.1.max_tokens is 7: give at least 8"),
        ("encoders.1.cache_gib=-1", "encoders.1.cache_gib is -1: give at least 0"),
        ("seed=-1", "seed is -1: give at least 0"),
    ],
)
def test_number_out_of_range(override, message):
    assert message in refusal("embedded", override)


def test_a_choice_ballot_has_no_more_candidates_than_letters():
    assert len(LETTERS) == MOST_OPTIONS
    longer = refusal("quality", "voters.1.candidates=27")
    assert longer == "--set voters.1.candidates is 27: a choice ballot has a letter for 26 at most"
    assert load_config("quality", ["voters.1.candidates=26"]).voters[1].candidates == 26
    assert load_config("embedded", ["voters.0.candidates=27"]).voters[0].candidates == 27


@pytest.mark.parametrize("override", ["decision.max_harm=1", "retrieval.candidates=3", "seed=0"])
def test_the_bound_itself_is_in_range(override):
    key, value = override.split("=")
    tree = config_to_dict(load_config("embedded", [override]))
    for part in key.split("."):
        tree = tree[part]
    assert tree == float(value)


def test_unknown_profile_names_the_nearest():
    message = refusal("qualty")
    assert message.startswith("unknown profile 'qualty' (did you mean 'quality'?): use one of")


def test_a_users_file_extends_embedded_unless_it_says_otherwise(tmp_path):
    mine = load_config(write(tmp_path, "profile: mine\nretrieval: {candidates: 7}\n"))
    base = load_config("embedded")
    assert mine == dataclasses.replace(
        base, profile="mine", retrieval=dataclasses.replace(base.retrieval, candidates=7)
    )
    other = load_config(write(tmp_path, "extends: quality\nseed: 3\n"), ["seed=4"])
    assert other == dataclasses.replace(load_config("quality"), seed=4)


def test_a_users_file_extends_a_file_beside_it(tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub", "extends: sirius\nseed: 5\n", "base.yaml")
    path = write(tmp_path / "sub", "extends: base.yaml\nprofile: mine\n")
    monkeypatch.chdir(tmp_path)
    for named in (path, "sub/mine.yaml"):
        assert load_config(named) == dataclasses.replace(
            load_config("sirius"), seed=5, profile="mine"
        )


def test_files_that_extend_each_other(tmp_path, monkeypatch):
    write(tmp_path, "extends: ./b.yaml\n", "a.yaml")
    write(tmp_path, f"extends: ../{tmp_path.name}/a.yaml\n", "b.yaml")
    assert "extends itself through" in refusal(str(tmp_path / "a.yaml"))
    monkeypatch.chdir(tmp_path)
    assert "extends itself through" in refusal("./a.yaml")
    assert "extends itself" in refusal(write(tmp_path, "extends: mine.yaml\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 1\nretrieval:\n  neigbours: 3\n", "unknown key retrieval.neigbours (did you mean"),
        ("encoder: {model: x}\n", "unknown key encoder (did you mean 'encoders'?)"),
        ("encoders: [{modle: x}]\n", "unknown key encoders.0.modle (did you mean 'model'?)"),
        ("sed: 1\n", "unknown key sed (did you mean 'seed'?); known here: profile, seed, data"),
        ("1: 1\n", "unknown key 1; known here"),
        ("- seed\n", "a profile is a mapping of keys, not list"),
        ("", "a profile is a mapping of keys, not NoneType"),
        ("seed: 1\ndata: [1\n", "line 3: not valid YAML"),
        ("seed: 2026-13-01\n", "not valid YAML"),
        ("extends: qualty\n", "unknown profile 'qualty' (did you mean 'quality'?)"),
        ("retrieval:\n", "retrieval: expected a mapping, got None"),
        ("voters: &a [*a]\n", "line 1: not valid YAML: an alias stands inside what it names"),
        ("2026-01-01: 1\n", "holds what can't be a setting: keys must be str"),
        ('profile: "\\ud800"\n', "line 1: not valid YAML: half a character (a lone surrogate)"),
        (
            "profile: " + "[" * 3000 + "]" * 3000,
            "not valid YAML: nested more than 60 deep; mend the file",
        ),
        ("classify: {lightgbm: {leaves: 8}}\n", "leaves: it is called 'num_leaves' now; known"),
        ("voters: 2026-11-29\n", "voters: expected a list, got '2026-11-29'"),
    ],
)
def test_a_users_file_that_can_not_be_used(tmp_path, text, message):
    assert message in refusal(write(tmp_path, text))


def test_a_file_that_can_not_be_read(tmp_path):
    absent = str(tmp_path / "absent.yaml")
    assert refusal(absent) == (
        f"{absent}: can't read this profile: No such file or directory; check the path"
    )
    assert "Is a directory" in refusal(str(tmp_path))
    (tmp_path / "latin.yaml").write_bytes(b"profile: caf\xe9\n")
    assert "not UTF-8 text" in refusal(str(tmp_path / "latin.yaml"))


def test_broken_yaml_names_the_line():
    with pytest.raises(ConfigError, match=r"^here, line 2: not valid YAML: "):
        load_yaml("a: 1\nb: c: d\n", "here")


@pytest.mark.parametrize("profile", PROFILES)
def test_a_config_as_json_is_a_profile(profile, tmp_path):
    config = load_config(profile)
    plain = config_to_dict(config)
    assert json.loads(json.dumps(plain)) == plain
    assert load_config(write(tmp_path, json.dumps(plain))) == config


def test_a_voter_on_a_server_as_the_manual_shows_it(tmp_path):
    manual = (Path(__file__).parents[2] / "docs" / "voters.md").read_text("utf-8")
    (shown,) = re.findall(r"```yaml\n(extends: .*?)```", manual, re.DOTALL)
    (voter,) = load_config(write(tmp_path, shown)).voters
    assert voter.server is not None
    assert (voter.server.url, voter.server.requests) == ("http://localhost:8000/v1", 8)
    # Without one, the model runs in this process.
    alone = shown.split("    server:")[0]
    (voter,) = load_config(write(tmp_path, alone)).voters
    assert voter.server is None
    # What the manual shows are the defaults, but for where the server is.
    bare = "extends: embedded\nvoters: [{model: x, ballot: choice, server: {url: h}}]\n"
    (short,) = load_config(write(tmp_path, bare)).voters
    (long,) = load_config(write(tmp_path, shown)).voters
    assert long.server == dataclasses.replace(
        short.server, url="http://localhost:8000/v1", api_key_env="MY_SERVER_KEY"
    )
    with pytest.raises(ConfigError, match=r"mine\.yaml: voters\.0\.server\.url is missing$"):
        load_config(write(tmp_path, bare.replace("url: h", "")))
    for line, wrong in (
        ("requests: 8", "requests: 0"),
        ("timeout_s: 60", "timeout_s: 0"),
        ("retries: 4", "retries: -1"),
        ("top_logprobs: 20", "top_logprobs: 0"),
        ("per_minute: 0", "per_minute: -1"),
    ):
        key = line.split(":")[0]
        with pytest.raises(ConfigError, match=rf"voters\.0\.server\.{key} is .*: give "):
            load_config(write(tmp_path, shown.replace(line, wrong)))
    with pytest.raises(ConfigError, match=r"timeout_s is 1000000: give from 0.1 to 86400"):
        load_config(write(tmp_path, shown.replace("timeout_s: 60", "timeout_s: 1000000")))


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("retrieval.neighbours=" + "9" * 30, "^--set retrieval.neighbours is 9*: give at most 1,0"),
        ("classify.folds=1000000", "classify.folds is 1000000: give from 2 to 100"),
        ("routing.llm_share=1.5", "routing.llm_share is 1.5: give a share from 0 to 1"),
        ("routing.cut_below=-0.1", "routing.cut_below is -0.1: give a share from 0 to 1"),
        ("routing.llm_minutes=-1", r"routing.llm_minutes is -1: give at least 0"),
        ("routing.llm_minutes=.inf", "routing.llm_minutes is inf: give a finite number"),
    ],
)
def test_impossible_llm_budgets(override, said):
    with pytest.raises(ConfigError, match=said):
        load_config("embedded", [override])
