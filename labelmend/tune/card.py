"""What the folder of a tuned encoder says of it: how it was made, and how much it gained."""

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from labelmend.configs.load import config_to_dict
from labelmend.configs.schema import Config, EncoderConfig
from labelmend.extras import installed_versions
from labelmend.weights.locate import LocatedModel

_LIBRARIES = ("accelerate", "numpy", "sentence-transformers", "transformers", "torch")


def versions() -> dict[str, str]:
    """Return the versions of the libraries on which a training depends."""
    return installed_versions(_LIBRARIES)


def made_of(base: LocatedModel, encoder: EncoderConfig, config: Config) -> dict[str, Any]:
    """Return the record of what an encoder was made of, and how."""
    return {
        "base": {"name": base.name, "sha256": base.digest, "source": base.source},
        "encoder": {"query_prefix": encoder.query_prefix, "max_tokens": encoder.max_tokens},
        "seed": config.seed,
        "config": config_to_dict(config)["tune"],
        "versions": {"python": platform.python_version(), **versions()},
    }


def epoch_means(losses: Sequence[float], epochs: int) -> list[float]:
    """Return the mean loss of each epoch."""
    return [round(float(part.mean()), 6) for part in np.array_split(np.array(losses), epochs)]


def readme(card: Mapping[str, Any], folder: Path) -> str:
    """Return the card for people."""
    data, measured = card["data"], card["measured_on"]["recall"]
    lines = [
        "# A sentence encoder, tuned by labelmend",
        "",
        f"`labelmend relabel NEW.csv --embedder {folder.name}/` uses it, and so does "
        "`SentenceTransformer(THIS_FOLDER)`. `tuning.json` says the same and more, for programs.",
        "",
        "| | |",
        "|---|---|",
        f"| tuned from | {card['base']['name']}, sha256 {card['base']['sha256'][:12]} |",
        f"| trained on | {data['trained_texts']:,} distinct texts of column "
        f"`{data['columns']['label']}`, file sha256 {data['sha256'][:12]} |",
        f"| held out | {data['held_out_texts']:,} distinct texts, {measured:,} of them measured |",
        f"| seed | {card['seed']} |",
        "",
        "| Recall of candidates on held-out texts | at 1 | at 5 | at 10 |",
        "|---|---|---|---|",
        *(
            f"| {name} | " + " | ".join(f"{share:.2%}" for share in recalls.values()) + " |"
            for name, recalls in card["recall"].items()
        ),
        "",
        "What it says of the texts that it was trained on is not out-of-fold.",
        "",
    ]
    return "\n".join(lines)
