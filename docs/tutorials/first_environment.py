# %% [markdown]
# # First environment
#
# Ten minutes to read; it runs in a few seconds. You step a small server room and see what an agent reads and moves.
# Then you compare two days: one with every setpoint held still, one under the room's own rules.
#
# Run it from the repository's root after `make test` or `make demo`:
#
# ```bash
# .venv/bin/python docs/tutorials/first_environment.py
# ```
#
# ## Make it
#
# `edge_room` is the smallest of the shipped scenarios. The first `coldaisle:` makes gymnasium import this package.

# %%
import gymnasium

env = gymnasium.make("coldaisle:coldaisle/DataCenter-v1", scenario="edge_room")
observation, _ = env.reset(seed=0)
core = env.unwrapped.core
print(f"an agent reads {observation.size} numbers and moves {env.action_space.shape[0]}:")
for channel in core.agent_channels:
    unit = "as a fraction" if channel.unit == "1" else channel.unit
    print(f"  {channel.name}, {channel.low:g} to {channel.high:g} {unit}")
# %% [markdown]
# Readings and actions are scaled to about -1..1, as learners like them. An action of 0 is the middle of a channel's
# range. `core.measured` holds the same readings in physical units.
#
# ## A day with everything held still
#
# One step is five minutes, so a day is 288 steps. The reward is minus the weighted sum of the cost terms. `info` holds
# each term in dollars. The day below adds them up by name.

# %%
from collections import Counter
from typing import NamedTuple


class Day(NamedTuple):
    """What one day took: energy of the racks and of their cooling [kWh], hottest inlet [degC], costs by term [USD]."""

    it_kwh: float
    cooling_kwh: float
    hottest_c: float
    costs: Counter


def day(step) -> Day:
    """One day of 288 steps; ``step`` makes one step and gives its costs."""
    env.reset(seed=0)
    it_kwh, cooling_kwh, hottest_c, costs = 0.0, 0.0, 0.0, Counter()
    for _ in range(288):
        costs.update(step())
        it_kwh += float(core.flows.it_power_kw[0]) * core.step_s / 3600
        cooling_kwh += float(core.flows.cooling_power_kw[0]) * core.step_s / 3600
        hottest_c = max(hottest_c, float(core.flows.rack_inlet_c.max()))
    return Day(it_kwh, cooling_kwh, hottest_c, costs)


def tell(name: str, day: Day) -> None:
    """Two lines of a day: its energy and heat, then its costs with the two dearest terms."""
    limit_c = core.scenario.reward.inlet_limit_c
    print(
        f"{name}: racks {day.it_kwh:.0f} kWh, cooling {day.cooling_kwh:.0f} kWh, "
        f"hottest inlet {day.hottest_c:.1f} degC (limit {limit_c:.0f})"
    )
    dearest = ", ".join(f"{term} {usd:.0f}" for term, usd in day.costs.most_common(2))
    print(f"  costs {sum(day.costs.values()):.0f} USD ({dearest})")


def held_still() -> dict[str, float]:
    """Costs of one step with every channel in the middle of its range."""
    *_, info = env.step(0 * env.action_space.sample())
    return {name.removeprefix("cost_").removesuffix("_usd"): usd for name, usd in info.items() if "cost_" in name}


tell("held still", day(held_still))
# %% [markdown]
# ## The same day under the room's own rules
#
# Every scenario brings the rules that a building would run. A loop moves the fans by the hottest inlet. Setpoints rise
# while nobody asks for more cooling, and fall when somebody does; the trade calls that a *reset*. Rules speak in
# physical units, so they go in by `step_setpoints`, past the scaling.


# %%
def by_rules() -> dict[str, float]:
    """Costs of one step under the building's own rules."""
    *_, costs = core.step_setpoints(core.rules.act(core.measured))
    return {name: float(usd[0]) for name, usd in costs.items()}


tell("by rules", day(by_rules))
# %% [markdown]
# You will see:
#
# ```text
# an agent reads 38 numbers and moves 5:
#   crah_fan_speed_frac, 0.3 to 1 as a fraction
#   supply_air_temp_setpoint_c, 18 to 27 degC
#   chw_supply_temp_setpoint_c, 7 to 15 degC
#   rack_power_limit_frac, 0.45 to 1 as a fraction
#   battery_power_kw, -50 to 50 kW
# held still: racks 1240 kWh, cooling 279 kWh, hottest inlet 25.4 degC (limit 27)
#   costs 19 USD (energy 16, carbon 3)
# by rules: racks 1242 kWh, cooling 265 kWh, hottest inlet 26.1 degC (limit 27)
#   costs 18 USD (energy 15, carbon 3)
# ```
#
# ## What it means
#
# - The same seed gives the same weather and the same requests. The two days differ by control alone.
# - **The racks use less energy held still because they do less work.** The middle of `rack_power_limit_frac` caps
#   them at 0.725 of their rating. The lost work is what costs.
# - **The rules cool better.** They remove more heat with less energy. For that they let inlets come nearer to the
#   limit, which no rack passes.
# - This is why results are compared at equal work and equal safety: see [the protocol](../handbook/protocol.md).
# - A fair opponent is the rules, not a constant. [Train and judge](train_and_judge.py) does that comparison.
#
# ## Where to go next
#
# - `gymnasium.make_vec("coldaisle:coldaisle/DataCenter-v1", num_envs=1024)` steps 1024 sites in one call.
# - Any parameter can be set: `gymnasium.make(..., overrides=("zones.room.fan_kw=1.9",))`. A wrong key is refused. So is
#   a machine that the room lacks, such as `tower.cell_fan_kw=12`.
# - [Environments](../api/environments.md) lists every argument.
