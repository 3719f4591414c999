"""The processor and the memory, and what llama.cpp was compiled for."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil

from labelmend.parallel import usable_cores

FEATURES = {
    "AVX2": ("avx2",),
    "FMA": ("fma",),
    "F16C": ("f16c",),
    "AVX512": ("avx512f",),
    "AVX512_VNNI": ("avx512_vnni",),
    "AVX512_BF16": ("avx512_bf16",),
    "AVX_VNNI": ("avx_vnni",),
    "AMX": ("amx_int8", "amx_bf16"),
    "NEON": ("asimd", "neon"),
    "DOTPROD": ("asimddp",),
    "SVE": ("sve",),
}
"""What speeds up models, by llama.cpp's names, with the flags by which Linux tells any of it."""

_CPUINFO = Path("/proc/cpuinfo")

_PATIENCE = 60
"""Seconds for llama.cpp to load; it takes less than one, and on a busy disk maybe ten."""

_ASK = (
    "import json, llama_cpp;"
    "told = llama_cpp.llama_print_system_info().decode(errors='replace');"
    "print(json.dumps([told, bool(llama_cpp.llama_supports_gpu_offload())]))"
)


@dataclass(frozen=True)
class Machine:
    """What work has to do with.

    Attributes:
        cores: that this process may use.
        memory_bytes: of the machine.
        free_bytes: of it, that are free now.
        features: of the processor, by the names of `FEATURES`; None where the system doesn't tell.
    """

    cores: int
    memory_bytes: int
    free_bytes: int
    features: tuple[str, ...] | None


@dataclass(frozen=True)
class LlamaBuild:
    """What llama.cpp was compiled for.

    Attributes:
        features: of processors, by its own names.
        gpu: whether it can use a GPU.
        problem: why it can't be loaded, in words; empty where it can.
    """

    features: tuple[str, ...]
    gpu: bool
    problem: str = ""


def machine() -> Machine:
    """Look at this machine."""
    memory = psutil.virtual_memory()
    return Machine(usable_cores(), int(memory.total), int(memory.available), processor_features())


def processor_features(cpuinfo: Path = _CPUINFO) -> tuple[str, ...] | None:
    """Return which of `FEATURES` the processor has; None where the system doesn't tell.

    Args:
        cpuinfo: where Linux tells it.
    """
    try:
        lines = cpuinfo.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() in {"flags", "Features"}:
            flags = set(value.split())
            return tuple(name for name, any_of in FEATURES.items() if flags & {*any_of})
    return None


def llama_build() -> LlamaBuild | None:
    """Ask llama.cpp what it was compiled for; None where it is not installed.

    It is asked in a process of its own: one that was compiled for another processor would end this
    one by a signal.
    """
    if find_spec("llama_cpp") is None:
        return None
    try:
        asked = subprocess.run(  # noqa: S603 -- this Python, and no word of anybody's
            [sys.executable, "-c", _ASK],
            check=False,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return LlamaBuild((), gpu=False, problem=f"does not load within {_PATIENCE} s")
    except OSError as error:
        return LlamaBuild((), gpu=False, problem=f"can't be asked ({error.strerror})")
    return _read_answer(asked.returncode, asked.stdout, asked.stderr)


def _read_answer(code: int, out: str, err: str) -> LlamaBuild:
    if code < 0:
        said = f"ends by {signal.Signals(-code).name}"
        if -code == signal.SIGILL:
            said += ": it was compiled for another processor"
        return LlamaBuild((), gpu=False, problem=said)
    if code:
        last = (err.strip().splitlines() or [f"exit code {code}"])[-1]
        return LlamaBuild((), gpu=False, problem=f"can't be imported ({last})")
    told, gpu = json.loads(out.splitlines()[-1])
    # "CPU : SSE3 = 1 | AVX2 = 1 | ... | REPACK = 1 | "
    pairs = (part.rpartition(":")[2].partition("=") for part in told.split("|"))
    names = tuple(name.strip() for name, _, value in pairs if value.strip() == "1")
    return LlamaBuild(names, gpu)
