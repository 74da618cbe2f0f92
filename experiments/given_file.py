"""A file that a key of the command line names: it is there, or key, path and mend are told."""

from __future__ import annotations

from pathlib import Path


def given_file(key: str, path: str | Path, mend: str) -> Path:
    """The path of a file that is there.

    Raises
    ------
    FileNotFoundError
        Where there is no such file, naming key, path and mend.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{key} = {path}: no such file; give {mend}")
    return Path(path)
