"""Where coldaisle's own packages lie, and the refusal of others that Python finds under their names."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("envs", "agents", "experiments", "configs")
HERE = Path(__file__).parent


def own_folder() -> Path:
    """Folder that holds the packages: beside this one where a wheel was installed, else the root of the checkout."""
    return HERE.parent if (HERE.parent / "envs" / "core.py").is_file() else HERE.parents[2]


def found_place(name: str) -> Path | None:
    """Folder or file that Python finds, or has loaded, under a top-level name; None where there is nothing."""
    loaded = sys.modules.get(name)
    spec = loaded.__spec__ if loaded is not None else find_spec(name)
    if spec is None:
        file = getattr(loaded, "__file__", None)
        return Path(file) if file else None
    folders = list(spec.submodule_search_locations or [])
    return Path(folders[0]) if folders else Path(spec.origin or "")


def require_own_packages() -> None:
    """Refuse a foreign package or module under one of our names.

    Raises
    ------
    ImportError
        Naming what Python found, where ours lies, and the mend.
    """
    for name in PACKAGES:
        ours, place = own_folder() / name, found_place(name)
        if place is None or not ours.is_dir():
            raise ImportError(f"coldaisle: its package `{name}` is missing ({ours}); install coldaisle again")
        if place.resolve() != ours.resolve():
            raise ImportError(
                f"coldaisle: Python finds {place} under the name `{name}` before coldaisle's own {ours}; rename "
                f"{place.name}, or run from another folder, or use `python -P`, which leaves out the script's folder"
            )
