"""Points that stand in an order by physics: where the order is turned round, two points were swapped."""

from __future__ import annotations

import numpy as np

from envs.physics.namespace import Floats
from envs.twin.screening.place import Naming
from envs.twin.telemetry.finding import Finding
from envs.twin.telemetry.telemetry import Telemetry

#: What is lower, and what is higher wherever heat flows or a meter stands above another; by how much at least when
#: they are turned round, in K or as a share.
ORDERED = (
    ("chw_supply_c", "chw_return_c", 0.5),
    ("zone_supply_c", "zone_return_c", 0.5),
    ("tcs_supply_c", "tcs_return_c", 0.5),
    ("wet_bulb_c", "dry_bulb_c", 0.5),
    ("ups_power_kw", "facility_power_kw", 0.02),
    ("it_power_kw", "facility_power_kw", 0.02),
)
RIGHT_FRAC = 0.05  # of the readings, at most, stand clearly the right way round


def swapped(telemetry: Telemetry, naming: Naming) -> tuple[list[Finding], set[tuple[str, int]]]:
    """Findings, and the points ``(quantity, row)`` that cannot be used until the map is mended."""
    series = telemetry.series()
    findings: list[Finding] = []
    points: set[tuple[str, int]] = set()
    for low, high, least in ORDERED:
        if low not in series or high not in series or series[low].shape != series[high].shape:
            continue
        for k in range(series[low].shape[1]):
            less, more = series[low][:, k], series[high][:, k]
            if _turned(less, more, least * (abs(float(np.nanmedian(more))) if high.endswith("_kw") else 1.0)):
                unit = "kW" if high.endswith("_kw") else "degC"
                findings.append(
                    Finding(
                        "swapped",
                        naming.point(low, k),
                        f"reads above {naming.point(high, k)}: the two look swapped",
                        value=f"medians {np.nanmedian(less):.4g} and {np.nanmedian(more):.4g} {unit}",
                        expected=f"{low} below {high}",
                        mend="exchange their channels in the map; neither is used until then",
                    )
                )
                points |= {(low, k), (high, k)}
    return findings, points


def _turned(less: Floats, more: Floats, least: float) -> bool:
    both = np.isfinite(less) & np.isfinite(more)
    if both.sum() < 12:
        return False
    gap = less[both] - more[both]
    return bool(np.quantile(gap, 0.9) > 2.0 * least and (gap < -2.0 * least).mean() < RIGHT_FRAC)
