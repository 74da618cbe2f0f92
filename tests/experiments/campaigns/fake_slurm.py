"""A Slurm of three commands for tests: ``sbatch`` runs an array's tasks one after the other, in the background."""

from __future__ import annotations

import os
import sys
from pathlib import Path

SBATCH = """#!{python}
import os, re, subprocess, sys
script = sys.argv[-1]
text = open(script).read()
log = os.path.join({place!r}, "submitted")
with open(log, "a") as kept:
    kept.write(script + "\\n")
found = re.search(r"--array=(\\d+)-(\\d+)", text)
tasks = range(int(found[1]), int(found[2]) + 1) if found else [None]
lines = ["(set +e"]
for task in tasks:
    names = dict(SLURM_JOB_ID="77", SLURM_JOB_NUM_NODES="1", SLURM_NODEID="0", SLURM_JOB_NODELIST="here",
                 SLURM_NTASKS="1", SLURM_LOCALID="0", SLURM_PROCID="0")
    if task is not None:
        names |= dict(SLURM_ARRAY_JOB_ID="77", SLURM_ARRAY_TASK_ID=str(task), SLURM_JOB_ID=str(770 + task))
    lines.append(" ".join(f"{{k}}={{v}}" for k, v in names.items()) + f" bash {{script}}")
lines.append(f"touch {{os.path.join({place!r}, 'ended')}})")
subprocess.Popen(["bash", "-c", "\\n".join(lines)], start_new_session=True,
                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print("Submitted batch job 77")
"""
SRUN = """#!{python}
import os, sys
words = sys.argv[1:]
while words[0].startswith("-"):
    words = words[2:] if words[0] in ("--output", "--error") else words[1:]
os.execvp(words[0], words)
"""
SACCT = """#!{python}
import os
state = "COMPLETED" if os.path.exists(os.path.join({place!r}, "ended")) else "RUNNING"
print("JobID|State|NodeList")
for task in range(64):
    print(f"77_{{task}}|{{state}}|here")
"""


def install(place: Path) -> dict[str, str]:
    """Write the commands into a folder; the environment in which they are found."""
    place.mkdir(parents=True)
    for name, text in {"sbatch": SBATCH, "srun": SRUN, "sacct": SACCT}.items():
        file = place / name
        file.write_text(text.format(python=sys.executable, place=str(place)))
        file.chmod(0o755)
    return {"PATH": f"{place}{os.pathsep}{os.environ['PATH']}"}
