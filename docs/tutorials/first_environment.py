# %% [markdown]
# # First environment
#
# Ten minutes. You step a small server room, see what an agent reads and moves, and compare two days: one with
# every setpoint held still, one under the room's own rules.
#
# Run it from the repository's root after `make test` or `make demo`:
#
# ```bash
# .venv/bin/python docs/tutorials/first_environment.py
# ```
#
# ## Make it
#
# `edge_room` is the smallest of the shipped scenarios. The `envs:` in the name makes gymnasium import this package.

# %%
import gymnasium

env = gymnasium.make("envs:coldaisle/DataCenter-v0", scenario="edge_room")
observation, _ = env.reset(seed=0)
core = env.unwrapped.core
print(f"an agent reads {observation.size} numbers and moves {env.action_space.shape[0]}:")
for channel in core.agent_channels:
    print(f"  {channel.name}, {channel.low:g} to {channel.high:g} {channel.unit}")
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


def day(step) -> tuple[float, float, Counter]:
    """Energy [kWh], hottest inlet [degC] and costs by term [USD] of one day; ``step`` makes one step."""
    env.reset(seed=0)
    energy_kwh, hottest_c, costs = 0.0, 0.0, Counter()
    for _ in range(288):
        costs.update(step())
        energy_kwh += float(core.flows.facility_power_kw[0]) * core.step_s / 3600
        hottest_c = max(hottest_c, float(core.flows.rack_inlet_c.max()))
    return energy_kwh, hottest_c, costs


def tell(name: str, energy_kwh: float, hottest_c: float, costs: Counter) -> None:
    """One line of a day, with its two dearest terms."""
    dearest = ", ".join(f"{term} {usd:.0f}" for term, usd in costs.most_common(2))
    usd = sum(costs.values())
    print(f"{name}: {energy_kwh:.0f} kWh, hottest inlet {hottest_c:.1f} degC, {usd:.0f} USD ({dearest})")


def held_still() -> dict[str, float]:
    """Costs of one step with every channel in the middle of its range."""
    *_, info = env.step(0 * env.action_space.sample())
    return {name.removeprefix("cost_").removesuffix("_usd"): usd for name, usd in info.items() if "cost_" in name}


tell("held still", *day(held_still))
# %% [markdown]
# ## The same day under the room's own rules
#
# Every scenario brings the rules that a building would run: a fan loop on the hottest inlet, resets of the setpoints.
# They speak in physical units, so they go in by `step_setpoints`, past the scaling.


# %%
def by_rules() -> dict[str, float]:
    """Costs of one step under the building's own rules."""
    *_, costs = core.step_setpoints(core.rules.act(core.measured))
    return {name: float(usd[0]) for name, usd in costs.items()}


tell("by rules", *day(by_rules))
# %% [markdown]
# You will see:
#
# ```text
# an agent reads 38 numbers and moves 5:
#   crah_fan_speed_frac, 0.3 to 1 1
#   supply_air_temp_setpoint_c, 18 to 27 degC
#   chw_supply_temp_setpoint_c, 7 to 15 degC
#   rack_power_limit_frac, 0.45 to 1 1
#   battery_power_kw, -50 to 50 kW
# held still: 1684 kWh, hottest inlet 23.3 degC, 271 USD (work_lost 258, energy 10)
# by rules: 1800 kWh, hottest inlet 26.6 degC, 17 USD (energy 14, carbon 3)
# ```
#
# ## What it means
#
# - The same seed gives the same weather and the same requests. The two days differ by control alone.
# - **Less energy is not yet a saving.** The middle of `rack_power_limit_frac` caps the racks. They use less energy
#   because they do less work, and the lost work is what costs.
# - This is why results are compared at equal work and equal safety: see [the protocol](../handbook/protocol.md).
# - A fair opponent is the rules, not a constant. [Train and judge](train_and_judge.md) does that comparison.
#
# ## Where to go next
#
# - `gymnasium.make_vec("envs:coldaisle/DataCenter-v0", num_envs=1024)` steps 1024 sites in one call.
# - Any parameter can be set: `gymnasium.make(..., overrides=("tower.cell_fan_kw=12",))`. A wrong key is refused.
# - [Environments](../api/environments.md) lists every argument.
