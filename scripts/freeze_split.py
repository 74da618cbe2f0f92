"""Print the sha256 that a changed split has to carry: ``python -m scripts.freeze_split configs/splits/test.yaml``."""

from __future__ import annotations

import sys
from pathlib import Path

from experiments.evaluation.splits import split_hash, split_in


def main() -> None:
    """Print the hash of each split file named on the command line."""
    for path in sys.argv[1:]:
        print(f"{path}: sha256: {split_hash(split_in(Path(path))[0])}")


if __name__ == "__main__":
    main()
