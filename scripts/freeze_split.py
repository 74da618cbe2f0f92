"""Print the sha256 that a changed split has to carry: ``python -m scripts.freeze_split configs/splits/test.yaml``."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from experiments.evaluation.splits import Split, split_hash


def main() -> None:
    """Print the hash of each split file named on the command line."""
    for path in sys.argv[1:]:
        content = yaml.safe_load(Path(path).read_text())
        content.pop("sha256", None)
        print(f"{path}: sha256: {split_hash(Split(**content))}")


if __name__ == "__main__":
    main()
