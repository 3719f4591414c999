"""Whether llama.cpp loads a file that nobody has pinned, found out in a process that may die.

llama.cpp ends its process where what a file says of itself contradicts what it holds.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from labelmend.errors import ModelError
from labelmend.extras import require


def check_loadable(path: Path) -> None:
    """See whether llama.cpp loads a model, in a process of its own that does nothing else.

    Raises:
        ModelError: llama.cpp can't load the file, dies of it, or it is no generative model.
    """
    # Python would look for our packages in the working folder first.
    code = (
        f"import sys; sys.path[:] = {[place for place in sys.path if place]!r}\n"
        "from labelmend.llm.in_child import tell_loadable\ntell_loadable(sys.argv[1])"
    )
    done = subprocess.run(  # noqa: S603 - our own code, no shell
        [sys.executable, "-I", "-c", code, os.fspath(path.absolute())],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "GGML_NO_BACKTRACE": "1"},
    )
    try:
        found = json.loads(done.stdout)
    except ValueError:
        found = "llama.cpp ends at once: the file is damaged, or made to do that; get another GGUF"
    if found is not None:
        raise ModelError(f"{path}: {found}")


def tell_loadable(path: str) -> None:
    """Be that process: print null, or as JSON what is wrong."""
    from labelmend.llm.load_gguf import load_model

    found = None
    try:
        model = load_model(Path(path), n_gpu_layers=0)
    except ModelError as error:
        found = str(error).removeprefix(f"{path}: ")
    else:
        require("llama_cpp")
        import llama_cpp

        llama_cpp.llama_model_free(model)
    sys.stdout.write(json.dumps(found))
