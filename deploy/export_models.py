"""Makes the exports that `labelmend serve` makes at its first start, while an image is built.

    python export_models.py FOLDER

Each folder in FOLDER that holds a model is opened once; exports go where LABELMEND_HOME says.
"""

import sys
from pathlib import Path

from labelmend.classify.model_folder import CARD
from labelmend.protocols import NoProgress
from labelmend.workflows.serve import Models, load


def main(folder: Path) -> int:
    """Open all models; return how many there are."""
    found = sorted(path.parent for path in folder.glob(f"*/{CARD}"))
    for path in found:
        loaded = load(path, Models(path), NoProgress())
        print(f"{path}: {loaded.version}, {len(loaded.labels)} labels, {loaded.engine.name}")
        for line in loaded.notes:
            print(f"{path}: {line}")
    return len(found)


if __name__ == "__main__":
    if not main(Path(sys.argv[1])):
        sys.exit(f"{sys.argv[1]}: no model in it; put one there as {sys.argv[1]}/model")
