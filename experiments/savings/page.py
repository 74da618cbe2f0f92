"""What a trial showed, as a page, as plain data and as words for the terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from envs.whole_file import write_whole
from experiments.records.plain_page import Page, Section, page_html
from experiments.savings.baseline import Regression
from experiments.savings.blocks import PairedBlocks
from experiments.savings.judgement import Judgement, RegressionAnswer
from experiments.savings.plan_file import POLICY, RULES, TrialPlan
from experiments.savings.randomisation import Saving
from experiments.savings.record import moment_of

HTML, JSON, BLOCKS = "savings.html", "savings.json", "blocks.csv"


def verdict_of(found: Judgement, plan: TrialPlan) -> tuple[str, str]:
    """Colour and sentence."""
    if found.refusals or found.saving is None:
        names = ", ".join(dict.fromkeys(r.name for r in found.refusals))
        return "bad", f"No saving is claimed: {names}."
    s = found.saving
    if s.low > 0.0:
        return "good", f"The policy saved {percent(s.share)}: 95 % interval {interval(s)}."
    if s.high < 0.0:
        return (
            "bad",
            f"The policy drew {percent(-s.share)} more than the rules: 95 % interval of the saving {interval(s)}.",
        )
    return "level", f"No saving is shown: {percent(s.share)}, 95 % interval {interval(s)}. {_reach(plan)}"


def _reach(plan: TrialPlan) -> str:
    return f"The plan was to show {percent(plan.detectable)} in four of five such trials."


def regression_verdict(found: RegressionAnswer) -> tuple[str, str]:
    """Colour and sentence of a regression that stands alone."""
    if found.refusals or found.found is None:
        names = ", ".join(dict.fromkeys(r.name for r in found.refusals))
        return "bad", f"No saving is claimed: {names}."
    r = found.found
    if r.low > 0.0:
        return (
            "level",
            f"Regression finds {percent(r.share)} saved, 95 % interval {interval(r)}; nothing was randomised.",
        )
    return "level", f"Regression shows no saving: {percent(r.share)}, 95 % interval {interval(r)}."


def trial_page(found: Judgement, plan: TrialPlan, footer: str) -> str:
    """The page of a switchback."""
    level, words = verdict_of(found, plan)
    why = [f"{r.name}: {r.words}." for r in found.refusals]
    sections = [_switchback(found, plan), _regression(found.regression), _blocks(found.blocks)]
    return page_html(Page("Verified saving", level, words, why, sections, footer))


def regression_page(found: RegressionAnswer, footer: str) -> str:
    """The page of a regression without a trial."""
    level, words = regression_verdict(found)
    why = [f"{r.name}: {r.words}." for r in found.refusals]
    why.append("Before and after differ in more than the policy. A randomised switchback is the proof.")
    return page_html(Page("Saving by regression", level, words, why, [_regression(found)], footer))


def write_trial(folder: Path, found: Judgement, plan: TrialPlan, footer: str) -> Path:
    """Write page, data and blocks."""
    level, words = verdict_of(found, plan)
    data = {"verdict": words, "level": level, "credited": found.credited, "plan": vars(plan), **_data(found.regression)}
    data["saving"] = None if found.saving is None else found.saving._asdict()
    data["refusals"] = [r._asdict() for r in found.refusals]
    _write_json(folder, data)
    write_whole(folder / BLOCKS, blocks_csv(found.blocks))
    write_whole(folder / HTML, trial_page(found, plan, footer))
    return folder / HTML


def write_regression(folder: Path, found: RegressionAnswer, footer: str) -> Path:
    """Write page and data of a regression that stands alone."""
    level, words = regression_verdict(found)
    _write_json(folder, {"verdict": words, "level": level, **_data(found)})
    write_whole(folder / HTML, regression_page(found, footer))
    return folder / HTML


def _write_json(folder: Path, data: Mapping[str, Any]) -> None:
    write_whole(folder / JSON, json.dumps(_finite(data), indent=2, allow_nan=False) + "\n")


def _finite(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and not np.isfinite(data) else data


def _data(found: RegressionAnswer) -> dict[str, Any]:
    return {
        "regression": None if found.found is None else found.found._asdict(),
        "regression_refusals": [r._asdict() for r in found.refusals],
    }


def _switchback(found: Judgement, plan: TrialPlan) -> Section:
    measured = int(found.blocks.measured.sum())
    followed = found.blocks.followed_frac[found.blocks.measured]
    rows = [
        ("outcome", plan.outcome),
        ("planned", f"{plan.schedule.pairs} pairs of blocks of {plan.block_h} h, {plan.days} days from {plan.start}"),
        ("measured", f"{measured} pairs; the first {plan.washout_h} h of each block are not judged"),
        ("followed", percent(float(np.nanmean(followed))) if np.isfinite(followed).any() else "not recorded"),
        ("least saving that the plan shows", percent(plan.detectable)),
    ]
    if found.saving is not None:
        s = found.saving
        rows += [
            ("saving", percent(s.share)),
            ("95 % interval", interval(s)),
            ("chance of so much without an effect", f"p = {s.p_value:.4f}"),
        ]
    words = ("Who had which block was drawn by lot; the interval needs no model of the noise.",)
    return Section("By randomisation", words, ("", ""), rows)


def _regression(answer: RegressionAnswer) -> Section:
    words = ["A model of power over load, outdoor air and weekend, fitted to the rules' periods (IPMVP Option C or B)."]
    if answer.refusals:
        words += [f"It claims nothing: {r.name}: {r.words}." for r in answer.refusals]
    r = answer.found
    if r is None:
        return Section("By regression", words)
    rows = [
        ("saving", percent(r.share)),
        ("95 % interval", interval(r)),
        ("fractional savings uncertainty, Guideline 14, 68 %", percent(min(r.fsu_frac, 9.99))),
        (
            "baseline",
            f"{r.baseline} periods, worth {r.effective:.0f}; R2 {r.r2:.2f}, CV(RMSE) {percent(r.cv_rmse_frac)}",
        ),
        ("reporting", f"{r.reporting} periods, {percent(r.outside_frac)} outside the baseline's range"),
    ]
    return Section("By regression", words, ("", ""), rows)


def _blocks(blocks: PairedBlocks) -> Section:
    lines = blocks_csv(blocks).splitlines()
    return Section("Blocks", (), lines[0].split(","), [line.split(",") for line in lines[1:]])


def blocks_csv(blocks: PairedBlocks) -> str:
    """Every block in the order of time."""
    lines = ["begins,who,power_kw,load,wet_bulb_c,dry_bulb_c,hottest_inlet_c,followed"]
    names = ("power_kw", "load", "wet_bulb_c", "dry_bulb_c", "hottest_c", "followed_frac")
    for at in blocks.begins.argsort(axis=None):
        cells = [getattr(blocks, name).ravel()[at] for name in names]
        who = POLICY if blocks.is_policy.ravel()[at] else RULES
        begins = f"{moment_of(int(blocks.begins.ravel()[at]))}:00"
        lines.append(",".join([begins, who, *("" if np.isnan(c) else f"{c:.4g}" for c in cells)]))
    return "\n".join(lines) + "\n"


def percent(share: float) -> str:
    """A share in words."""
    return f"{100.0 * share:.1f} %"


def interval(found: Saving | Regression) -> str:
    """An interval in words."""
    return f"{100.0 * found.low:.1f} to {percent(found.high)}"
