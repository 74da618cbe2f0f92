"""What a policy remembers from call to call, sealed: a damaged file, or one of another bundle, is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

SEAL, OWNER = "sha256", "bundle"
BEGIN_ANEW = "begin without it"


def sealed(memory: Mapping[str, Any], bundle: str) -> dict[str, Any]:
    """A memory with the bundle that it is of, and the hash of all of it."""
    whole = {**memory, OWNER: bundle}
    return {**whole, SEAL: _seal(whole)}


def unsealed(memory: Mapping[str, Any], bundle: str) -> dict[str, Any]:
    """The memory, where it is whole and of this bundle.

    Raises
    ------
    ValueError
        Where it is not.
    """
    whole = {key: value for key, value in memory.items() if key != SEAL}
    if memory.get(SEAL) != _seal(whole):
        raise ValueError(f"the memory is damaged: its {SEAL} is not that of what it holds; {BEGIN_ANEW}")
    if whole.pop(OWNER, None) != bundle:
        raise ValueError(f"the memory is of another bundle; {BEGIN_ANEW}")
    return whole


def _seal(whole: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(whole, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return ""
    return hashlib.sha256(text.encode()).hexdigest()
