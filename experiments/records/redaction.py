"""What is written down of a command line: neither passwords and tokens nor whose home folder it was."""

from __future__ import annotations

import re
from pathlib import Path

HIDDEN = "***"
_IN_ADDRESS = re.compile(r"(\w://)[^/\s@'\"]+@")
_IN_SETTING = re.compile(
    r"(?i)([\w-]*(?:token|password|passwd|secret|api_?key)[\w-]*['\"]?\s*[=:]\s*['\"]?)[^\s&;,'\"]+"
)


def redacted(text: str) -> str:
    """The text with ``***`` for user and password in an address and for tokens, and ``~`` for the home folder."""
    text = _IN_SETTING.sub(rf"\g<1>{HIDDEN}", _IN_ADDRESS.sub(rf"\g<1>{HIDDEN}@", text))
    home = str(Path.home())
    return text if home == "/" else re.sub(rf"{re.escape(home)}(?![^/\s'\"])", "~", text)
