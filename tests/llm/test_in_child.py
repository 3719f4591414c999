import struct
from pathlib import Path

import pytest

from labelmend.errors import ModelError
from labelmend.llm.in_child import check_loadable

HEAD = Path(__file__).parents[1] / "fuzz" / "corpus" / "gguf" / "tiny.gguf"


def test_the_real_small_model_loads(smollm2):
    check_loadable(smollm2.path)


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        (1, "llama.cpp can't load this model: the file is damaged or of a kind"),
        # llama.cpp aborts the process.
        (0xFFFFFFFF, "llama.cpp ends at once: the file is damaged, or made to do that; get an"),
    ],
)
def test_a_head_without_weights(layers, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "json.py").write_text("raise SystemExit('a stranger's module')")
    raw, key = HEAD.read_bytes(), b"llama.block_count"
    at = raw.index(key) + len(key) + 4
    Path("m.gguf").write_bytes(raw[:at] + struct.pack("<I", layers) + raw[at + 4 :])
    with pytest.raises(ModelError) as caught:
        check_loadable(Path("m.gguf"))
    assert str(caught.value).startswith(f"m.gguf: {said}")
