import subprocess
import sys

import pytest

from labelmend.errors import ModelError
from labelmend.llm.load_gguf import load_model


def loading(path):
    """What a fresh process prints that loads a model: the error's message, or stderr."""
    code = (
        "import sys; from pathlib import Path\n"
        "from labelmend.errors import ModelError\n"
        "from labelmend.llm.load_gguf import load_model\n"
        "try:\n"
        "    load_model(Path(sys.argv[1]))\n"
        "except ModelError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.startswith(f"{path}: llama.cpp can't load this model: ")
    assert done.stdout.count("\n") == 1
    return done.stdout


@pytest.mark.parametrize("kept_bytes", [4, 2_000, 20_000_000])
def test_a_truncated_file_is_one_line(smollm2, tmp_path, kept_bytes):
    path = tmp_path / "model.gguf"
    with smollm2.path.open("rb") as whole:
        path.write_bytes(whole.read(kept_bytes))
    assert "damaged or incomplete; get it again" in loading(path)


@pytest.mark.parametrize("content", [b"", b"hello\n"])
def test_a_file_that_is_no_gguf_is_one_line(tmp_path, content):
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    assert "it is no GGUF file" in loading(path)


def test_an_unknown_architecture_is_one_line(smollm2, tmp_path):
    whole = smollm2.path.read_bytes()
    place = whole.index(b"llama", whole.index(b"general.architecture"))
    path = tmp_path / "model.gguf"
    path.write_bytes(whole[:place] + b"xlama" + whole[place + 5 :])
    assert "its architecture, 'xlama', is unknown to this llama.cpp" in loading(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(ModelError, match="can't load this model: No such file or directory"):
        load_model(tmp_path / "no.gguf")


@pytest.mark.parametrize(("built", "taken"), [(b"AMX_INT8 = 1 | ", False), (b"", True)])
def test_weights_are_kept_from_amx(smollm2, monkeypatch, built, taken):
    import llama_cpp

    load, seen = llama_cpp.llama_model_load_from_file, []

    def watched(path, params):
        seen.append(params.use_extra_bufts)
        return load(path, params)

    monkeypatch.setattr(llama_cpp, "llama_print_system_info", lambda: b"CPU : AVX = 1 | " + built)
    monkeypatch.setattr(llama_cpp, "llama_model_load_from_file", watched)
    llama_cpp.llama_model_free(load_model(smollm2.path, vocab_only=True))
    assert seen == [taken]
