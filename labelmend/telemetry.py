"""What keeps libraries from sending facts on the machine to their makers.

Environment variables, set before any of them loads: most read theirs once, at import. That is why
`labelmend/__init__.py` calls `switch_off` first. `tests/test_offline.py` proves it by the system
calls of every command; it knows no library by name, so what a new one sends fails it.

`HF_HUB_OFFLINE` is not here: it would take the hub from whoever imports labelmend, and from
`labelmend models pull`. Models are loaded from folders alone, within `retrieval.encode`'s
`quiet_offline`.
"""

import os
from types import MappingProxyType

SWITCHES = MappingProxyType(
    {
        # onnxruntime from 1.29 on: on by default, posts facts on the machine, keeps a device id.
        "ORT_DISABLE_TELEMETRY": "1",
        # The same under the name that a part of its releases reads.
        "ORT_TELEMETRY_DISABLED": "1",
        # huggingface_hub, and what asks it: transformers, datasets, sentence-transformers, peft.
        "HF_HUB_DISABLE_TELEMETRY": "1",
        # hf_xet, which downloads for huggingface_hub, reports transfers.
        "HF_XET_TELEMETRY_ENABLED": "0",
        # MLflow from 3.2 on; transformers would start it if it were installed.
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # Ray, and the processes that it starts: on by default.
        "RAY_USAGE_STATS_ENABLED": "0",
        # What many more libraries agreed on: https://donottrack.sh
        "DO_NOT_TRACK": "1",
    }
)
"""By name, the value that switches off. faiss, LightGBM, llama.cpp, Plotly, scikit-learn, skops,
tokenizers and torch send nothing, by their source, and have no switch."""


def switch_off() -> None:
    """Set all of them, whatever the environment says: the promise is ours, not the shell's."""
    os.environ.update(SWITCHES)
