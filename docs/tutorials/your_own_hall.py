# %% [markdown]
# # Your own hall
#
# You have a log of your building system and a rough scenario. You want a simulator that behaves like your hall. This
# tutorial plays both sides: it hides two true values in a hall, logs three days of it, and finds the values again.
#
# Run it from an empty folder; it writes `log/` and `found/` there:
#
# ```bash
# .venv/bin/python docs/tutorials/your_own_hall.py
# ```

# %%
import csv
import subprocess
import sys
from pathlib import Path

from envs.core import DataCenterCore


def coldaisle(command: str) -> None:
    """Run one command quietly; stop with its words where it fails."""
    print(f"coldaisle {command.split()[0]}")
    done = subprocess.run([sys.executable, "-m", "experiments.cli", *command.split()], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)


# %% [markdown]
# ## Telemetry
#
# The hall's fans draw 1.9 kW each where the scenario says 1.6, and its chiller draws 12 % more than its data sheet.
# The log looks as a real one does: noise, constant sensor errors, 5 % of the readings lost.

# %%
HIDDEN = "scenario.zones.room.fan_kw=1.9 scenario.chilled_water.power_factor=1.12"
coldaisle(f"rollout scenario=edge_room telemetry=true days=3 {HIDDEN} folder=log")
with open("log/telemetry.csv", encoding="utf-8") as file:
    head = next(csv.reader(file))
    print(f"{len(head) - 1} points, {sum(1 for _ in file)} rows")
# %% [markdown]
# `log/points.yaml` says what each column is. For your own file you write that map by hand: see
# [calibrate the model to your hall](../calibration.md).
#
# ## Calibrate
#
# Two parameters are fitted here, so that it takes seconds. Leave out `parameters=` and all are, which takes minutes.

# %%
coldaisle(
    "calibrate scenario=edge_room telemetry=log/telemetry.csv points=log/points.yaml parameters=[fan_kw,power_factor] "
    "tracking=none progress=false folder=found"
)
with open("found/intervals.csv", encoding="utf-8") as file:
    for row in csv.DictReader(file):
        prior, value, low, high = (float(row[key]) for key in ("prior", "value", "low", "high"))
        if row["kind"] != "input":
            print(f"{row['path']}: was {prior:.2f}, is {value:.2f}, 90 % interval {low:.2f} to {high:.2f}")
# %% [markdown]
# ## Use
#
# `found/scenario.yaml` is a scenario like any other: train on it, judge on it, or just ask it. Here the same day runs
# under the building's rules in three halls: as you guessed it, as calibrated, and the true one.


# %%
def cooling_kwh(scenario: str, *overrides: str) -> float:
    """Electricity for cooling of one day under the building's own rules."""
    core = DataCenterCore(scenario, 1, overrides)
    core.reset(seed=0)
    used = 0.0
    for _ in range(288):
        core.step_setpoints(core.rules.act(core.measured))
        used += float(core.flows.cooling_power_kw[0]) * core.step_s / 3600
    return used


print(f"cooling of a day: guessed {cooling_kwh('edge_room'):.0f} kWh")
print(f"cooling of a day: calibrated {cooling_kwh(str(Path('found/scenario.yaml'))):.0f} kWh")
hidden = [word.removeprefix("scenario.") for word in HIDDEN.split()]
print(f"cooling of a day: true {cooling_kwh('edge_room', *hidden):.0f} kWh")
# %% [markdown]
# You will see:
#
# ```text
# coldaisle rollout
# 36 points, 864 rows
# coldaisle calibrate
# zones.room.fan_kw: was 1.60, is 1.83, 90 % interval 1.81 to 1.84
# chilled_water.power_factor: was 1.00, is 1.13, 90 % interval 1.12 to 1.14
# cooling of a day: guessed 265 kWh
# cooling of a day: calibrated 298 kWh
# cooling of a day: true 299 kWh
# ```
#
# ## What it means
#
# - **The intervals hold the hidden values.** That is what they promise, nine times in ten.
# - The calibrated hall foretells the cooling that the guess missed by a tenth.
# - `found/report.md` is the page to read for your own hall: what the data know, what they do not, and the error a day
#   ahead on days that were not fitted.
# - A parameter that is not fitted keeps your guess. A wrong guess there bends the fitted ones.
#
# ## Where to go next
#
# - [Calibration](../calibration.md): what to log, how the fit works, how far to trust it.
# - `coldaisle train scenario=found/scenario.yaml split=none` trains on your hall. `found/spread.yaml` keeps what is
#   not known.
# - [Your own weather, load and prices](../own-data.md).
