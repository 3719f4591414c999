"""benchmarks/ is no package: its scripts import each other as a script's neighbours do."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
