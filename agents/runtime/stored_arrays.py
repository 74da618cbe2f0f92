"""Arrays of an ``.npz`` file that nobody vouches for: no code runs, and nothing is unpacked.

A file costs no more memory than its size on disk.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_DAMAGE = (
    ValueError,
    TypeError,
    KeyError,
    OSError,
    EOFError,
    OverflowError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)


def stored_arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    """Every array of a file by its name.

    Raises
    ------
    ValueError
        Saying what is wrong: the file is damaged, compressed, or holds pickles. The caller names the file.
    """
    try:
        with zipfile.ZipFile(path) as members:
            packed = [m.filename for m in members.infolist() if m.compress_type != zipfile.ZIP_STORED]
        if packed:
            raise ValueError(f"{packed[0]} is compressed")
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except _DAMAGE as error:
        raise ValueError(str(error)) from None
    if not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise ValueError("a part is no array")
    return arrays
