import json
import os
import signal

import pytest

from labelmend.installation import machine
from labelmend.installation.machine import LlamaBuild, llama_build, processor_features


def test_the_features_of_an_x86(tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text("processor\t: 0\nflags\t\t: fpu avx avx2 fma f16c amx_tile amx_bf16\n", "utf-8")
    # avx512f is not there, and of AMX one kind is enough.
    assert processor_features(path) == ("AVX2", "FMA", "F16C", "AMX")


def test_the_features_of_an_arm(tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text("BogoMIPS : 50\nFeatures : fp asimd asimddp\n", "utf-8")
    assert processor_features(path) == ("NEON", "DOTPROD")


def test_a_system_that_does_not_tell(tmp_path):
    assert processor_features(tmp_path / "none") is None
    (tmp_path / "cpuinfo").write_text("processor: 0\n", "utf-8")
    assert processor_features(tmp_path / "cpuinfo") is None


def test_this_machine():
    here = machine.machine()
    assert 1 <= here.cores <= (os.cpu_count() or 1)
    assert 0 < here.free_bytes <= here.memory_bytes


def fake(monkeypatch, tmp_path, body):
    """Have the process that is asked find another llama_cpp."""
    (tmp_path / "llama_cpp.py").write_text(body, "utf-8")
    monkeypatch.setattr(machine, "_PATIENCE", 2 if "sleep" in body else 60)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return llama_build()


TOLD = "CPU : SSE3 = 1 | AVX2 = 1 | AVX512 = 0 | OPENMP = 1 | "


def test_what_llama_cpp_says(monkeypatch, tmp_path):
    body = f"""
def llama_print_system_info(): return {TOLD.encode()!r}
def llama_supports_gpu_offload(): return True
"""
    assert fake(monkeypatch, tmp_path, body) == LlamaBuild(("SSE3", "AVX2", "OPENMP"), gpu=True)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (
            f"import os; os.kill(os.getpid(), {int(signal.SIGILL)})",
            "ends by SIGILL: it was compiled for another processor",
        ),
        ("raise OSError('libgomp.so.1: no such file')", "libgomp.so.1: no such file)"),
        ("import time; time.sleep(60)", "does not load within 2 s"),
    ],
)
def test_a_llama_cpp_that_does_not_load(monkeypatch, tmp_path, body, problem):
    """It ends its own process, and not the doctor's."""
    found = fake(monkeypatch, tmp_path, body)
    assert found.problem.endswith(problem)
    assert (found.features, found.gpu) == ((), False)


def test_without_llama_cpp(monkeypatch):
    monkeypatch.setattr(machine, "find_spec", lambda name: None)
    assert llama_build() is None


def test_an_answer_behind_other_words():
    said = f"a warning\n{json.dumps([TOLD, False])}\n"
    assert machine._read_answer(0, said, "").features == ("SSE3", "AVX2", "OPENMP")
