"""The child process that ranks a table anew: `python -m labelmend.review.ranking`."""

import sys
from pathlib import Path


def main(words: list[str]) -> int:
    """Rank a table, and write the ranking; tell what went wrong in one line.

    Args:
        words: the mended table, the answers, the run's settings as a profile, and the output.
    """
    from labelmend.configs.load import load_config
    from labelmend.errors import LabelmendError
    from labelmend.review.ranking.light import rank_anew

    table, answers, profile, output = words
    try:
        rank_anew(Path(table), Path(answers), load_config(profile)).write(Path(output))
    except (LabelmendError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
