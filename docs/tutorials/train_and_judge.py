# %% [markdown]
# # Train and judge
#
# Half a minute of learning, then the part that counts: is the policy any better than the rules that the building has?
# You train, judge on days that training never saw, and export.
#
# Run it from an empty folder; it writes `run/`, `judged/` and `bundle/` there:
#
# ```bash
# .venv/bin/python docs/tutorials/train_and_judge.py
# ```
#
# Every command is `coldaisle <verb> key=value`. The script calls it as you would type it, and keeps its
# long output to itself.

# %%
import csv
import subprocess
import sys


def coldaisle(command: str) -> None:
    """Run one command quietly; stop with its words where it fails."""
    print(f"coldaisle {command.split()[0]}")
    done = subprocess.run([sys.executable, "-m", "experiments.cli", *command.split()], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)


# %% [markdown]
# ## Train
#
# PPO steps 256 rooms side by side, on the sites and seeds of the split `train`. 150,000 steps are far too few for a
# result, and enough to see the whole road. `tracking=none` leaves out the mlflow store.

# %%
coldaisle("train scenario=edge_room total_steps=150000 agent.environments=256 tracking=none progress=false folder=run")
# %% [markdown]
# ## Judge
#
# Every policy plays the same six days, on sites and seeds of the split `test`. Rules and floors come along by
# themselves; `mine` is your run, `mine untrained` the network before it learnt anything.

# %%
coldaisle("evaluate scenario=edge_room policies.mine=run episodes=6 days=1 tracking=none folder=judged")
with open("judged/summary.csv", encoding="utf-8") as file:
    table = {row["policy"]: row for row in csv.DictReader(file)}
for name in ("rules_tuned", "rules_as_given", "mine", "mine untrained"):
    row = table[name]
    gates = row["gates"].split(":")[0]
    print(f"{name}: {float(row['energy_per_work_kwh_h']):.2f} kWh per unit of work, gates {gates}")
# %% [markdown]
# ## Export
#
# A bundle holds the weights, an ONNX file, and a manifest that says what each point and each setpoint means. It runs
# with numpy alone: no torch, no simulator. Measurements go in and setpoints come out, both in physical units. Here a
# simulated room stands in for yours.

# %%
coldaisle("export run=run folder=bundle")
from agents.runtime.exported_policy import ExportedPolicy
from envs.core import DataCenterCore

policy = ExportedPolicy("bundle")
room = DataCenterCore("edge_room")
room.reset(seed=0)
setpoints = policy.act(room.measurements())
print(f"{len(policy.read)} points in, {len(setpoints)} channels out")
# %% [markdown]
# You will see:
#
# ```text
# coldaisle train
# coldaisle evaluate
# rules_tuned: 2.25 kWh per unit of work, gates baseline
# rules_as_given: 2.31 kWh per unit of work, gates passed
# mine: 2.26 kWh per unit of work, gates passed
# mine untrained: 2.25 kWh per unit of work, gates passed
# coldaisle export
# 39 points in, 5 channels out
# ```
#
# ## What it means
#
# - **A gate comes before any number.** It fails where racks ran hotter or less work was done than under the baseline.
#   Here all pass, so their kWh may be compared.
# - `mine` acts on top of `rules_tuned`, so that even the untrained one is near it. Passing it is the hard part: the
#   tuned rules are a strong opponent.
# - One seed and six days are not a result. [The protocol](../handbook/protocol.md) says what is.
#
# ## Where to go next
#
# - Open `judged/report.html`: what the policies did, hour by hour.
# - [What learns](../learning.md): which algorithm, how many steps, and how far they come.
# - [Exported policy](../api/exported-policy.md): the bundle in your own loop.
