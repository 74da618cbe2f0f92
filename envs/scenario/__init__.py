"""What a site is: frozen dataclasses of its machines, signals and episode, and their checks."""

from envs.scenario.scenario import SHIPPED, Rules, Scenario, load

__all__ = ["SHIPPED", "Rules", "Scenario", "load"]
