"""What the page says of residency and of who wrote setpoints."""

from __future__ import annotations

from collections import Counter

from experiments.compliance.decisions import WRITES, Decisions
from experiments.compliance.residency import Residency
from experiments.records.markdown_table import markdown_table

MOST_TOLD = 20


def residency_parts(found: Residency) -> list[str]:
    """Statement, starts by class and site, moves, and what was broken."""
    broken = found.violations
    if broken:
        words = f"**{len(broken)} breaches of residency.** The first of them stand below."
    else:
        words = "**Every job ran, and its data lay, where its owner allows.**"
    words += f" From {found.first} to {found.last}: {found.rows} rows of `{found.file.name}`, "
    words += f"sha256 {found.sha256[:12]}."
    ran = [[one.kind, one.site, str(one.starts), str(one.came_elsewhere)] for one in found.ran]
    parts = ["## Residency", words, markdown_table(("class", "site", "starts", "of jobs that came elsewhere"), ran)]
    if found.moved:
        moved = [[allowed.replace("+", ", "), str(count)] for allowed, count in found.moved.items()]
        parts.append(markdown_table(("allowed sites", "moves"), moved))
    else:
        parts.append("Nothing moved.")
    if broken:
        parts.append("\n".join(f"- {one}" for one in broken[:MOST_TOLD]))
    return parts


def decision_parts(found: Decisions) -> list[str]:
    """Days and cycles of the log, and who wrote how much."""
    rows = sum(day.rows for day in found.days)
    words = (
        f"**{len(found.writes)} setpoints were written, each told in `{WRITES}`**: when, by whom, why, and what the "
        f"shield said. The log has {rows} cycles on {len(found.days)} days, {found.days[0].day} to "
        f"{found.days[-1].day} (UTC)."
    )
    cycles = [[name, str(count)] for name, count in found.cycles.items()]
    parts = ["## Who wrote setpoints", words, markdown_table(("mode, state", "cycles"), cycles)]
    who = Counter((write[3], write[4], write[5] or "nobody named") for write in found.writes)
    if who:
        parts.append(markdown_table(("mode", "row", "who", "writes"), [[*k, str(n)] for k, n in who.items()]))
    return parts
