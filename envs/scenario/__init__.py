"""What a site is: frozen dataclasses of its machines, signals and episode, and their checks."""

from typing import TYPE_CHECKING, Any

from envs.scenario.scenario import Rules, Scenario

if TYPE_CHECKING:
    from envs.scenario.reading import SHIPPED, load

__all__ = ["SHIPPED", "Rules", "Scenario", "load"]


def __getattr__(name: str) -> Any:
    """What reads files is met when it is asked for: a twin on an operator's box has neither YAML nor OmegaConf."""
    if name not in ("SHIPPED", "load"):
        raise AttributeError(f"module 'envs.scenario' has no attribute {name!r}")
    from envs.scenario import reading

    return getattr(reading, name)
