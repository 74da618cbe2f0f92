"""What is written down of a command line: neither passwords and tokens nor whose home folder it was."""

from __future__ import annotations

import re
from pathlib import Path

HIDDEN = "***"
_IN_ADDRESS = re.compile(r"(\w\\?:\\?/\\?/)[^/\s@'\"]+@")  # hydra escapes the colons of a sweep's overrides
_SECRET_NAME = re.compile(r"(?:token|password|passwd|secret|api_?key)", re.IGNORECASE)
_IN_SETTING = re.compile(rf"([\w-]*{_SECRET_NAME.pattern}[\w-]*['\"]?\s*[=:]\s*['\"]?)[^\s&;,'\"]+", re.IGNORECASE)


def redacted(text: str) -> str:
    """The text with ``***`` for user and password in an address and for tokens, and ``~`` for the home folder."""
    text = _IN_SETTING.sub(rf"\g<1>{HIDDEN}", _IN_ADDRESS.sub(rf"\g<1>{HIDDEN}@", text))
    home = str(Path.home())
    return text if home == "/" else re.sub(rf"{re.escape(home)}(?![^/\s'\"])", "~", text)


def redacted_tree(tree: object, key: str = "") -> object:
    """Plain data with every text redacted, and ``***`` for every text under a key that names a secret."""
    if isinstance(tree, dict):
        return {name: redacted_tree(value, str(name)) for name, value in tree.items()}
    if isinstance(tree, list):
        return [redacted_tree(value, key) for value in tree]
    if isinstance(tree, str) and tree:
        return HIDDEN if _SECRET_NAME.search(key) else redacted(tree)
    return tree
