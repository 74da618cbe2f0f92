"""Record a pure array function once, then replay it without allocating: the same numpy calls on the same numbers."""

from envs.engine.compiled import Held
from envs.engine.loop import repeated
from envs.engine.record import Untraceable
from envs.engine.replay import TapedFunction

__all__ = ["Held", "TapedFunction", "Untraceable", "repeated"]
