"""``coldaisle <verb> ...``: a thin dispatcher over the hydra mains; importing it is cheap."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from agents.learning.interruption import Interrupted, raise_interrupted
from experiments.missing_package import missing_words

VERBS = {
    "train": "learn a policy: coldaisle train scenario=ai_hall agent=ppo seed=0 (-m sweeps over commas)",
    "tune": "an algorithm's settings by search on validation: coldaisle tune agent=sac trials=20 total_steps=100000",
    "evaluate": "score policies and rules on paired episodes: coldaisle evaluate policies.mine=<run or bundle>",
    "export": "write a bundle that runs without torch: coldaisle export run=<run>",
    "calibrate": "fit a scenario to telemetry: coldaisle calibrate telemetry=<csv> points=<yaml> scenario=<prior>",
    "rollout": "one policy, one episode, every point as CSV: coldaisle rollout policy=rules",
    "forecast": "inlets and cooling a day ahead: coldaisle forecast telemetry=<csv> points=<yaml> scenario=<hall>",
    "powerplan": "how many more racks the feeders carry, caps by class: coldaisle powerplan lost_frac=0.01",
    "place": "racks to come onto positions, feeds and CDUs: coldaisle place hall=<yaml> arrivals=<csv>",
    "design": "which hall to build, by years of thousands of designs: coldaisle design climate=phoenix_az",
    "curtail": "whether a hall holds a load target, and what it costs its jobs: coldaisle curtail reduce_frac=0.25",
    "comply": "the figures of a year for EED and ISO/IEC 30134, each with its meters: coldaisle comply meters=<yaml>",
    "campus": "which waiting jobs move between sites, and what that saves: coldaisle campus rules=[transport]",
    "report": "the HTML page of an evaluation: coldaisle report evaluation=<folder>; of all: runs=runs",
    "watch": "a page that shows a hall while it runs: coldaisle watch run=<run or bundle>",
    "published": "every published number beside ours, measured now: docs/validation/published.md",
    "validate": "our plant against EnergyPlus over a year: coldaisle validate studies=[hall_cold]",
    "transfer": "controllers on a plant we did not write, EnergyPlus: coldaisle transfer policies.mine=<run or bundle>",
    "benchmark": "policies on a frozen task: coldaisle benchmark cooling policies.mine=<folder of scenario/seed_n>",
    "campaign": "a plan cut into shards for many workers: coldaisle campaign plan.yaml executor=joblib workers=2",
    "demo": "train for a minute, judge, export",
    "serve": "run a bundle on a building: coldaisle serve bundle=<folder> points=<yaml> mode=shadow",
    "replay": "make every decision of a log again: coldaisle replay log=<folder> bundle=<folder>",
    "verify-savings": "what a policy saved on a building, by a randomised trial: coldaisle verify-savings plan ...",
    "explain": "which measurements moved each setpoint: coldaisle explain log=<folder> cycle=17",
    "point-map": "a point map from a Brick model, or a template: coldaisle point-map template protocol=bacnet ...",
    "simulate-site": "a simulated hall behind a protocol: coldaisle simulate-site protocol=bacnet",
}
#: Verbs that need no hydra: they run on an operator's box. Each has ``SETTINGS``, the dataclass of its keys.
PLAIN_VERBS = ("serve", "replay", "verify-savings", "explain", "point-map", "simulate-site")
HELP = ("-h", "--help")
OWN = ("envs", "agents", "experiments", "configs")
CLOSING = (
    "coldaisle <verb> --help                  every key of a verb, with its meaning",
    "coldaisle <verb> --help scenario.tower   the keys of a group, with unit and range",
    "coldaisle --version",
    'eval "$(coldaisle --completion bash)"    completes verbs and keys by Tab; zsh likewise',
)
QUOTING = "put a value with blanks, commas, brackets or signs in quotes twice: \"key='runs/a (1), b'\""


def usage() -> str:
    """The help text."""
    lines = ["usage: coldaisle <verb> [key=value ...] [-m] [--help]", "", "verbs:"]
    lines += [f"  {verb:<13} {words}" for verb, words in VERBS.items()]
    return "\n".join([*lines, "", *CLOSING, ""])


def version_words() -> str:
    """Name and version of the program."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"coldaisle {version('coldaisle')}"
    except PackageNotFoundError:
        return "coldaisle, not installed: run from its sources"


def _is_users(error: Exception) -> bool:
    """Whether the command line or a file is wrong, which its message tells, and not the program."""
    if isinstance(error, (ValueError, OSError)):
        return True
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    return isinstance(error, (HydraException, OmegaConfBaseException))


def error_message(error: Exception) -> str:
    """What went wrong and the mend; an unknown key or choice gets the list of those that there are.

    Hydra's own advice for an unknown key, to append it with ``+``, would only move the mistake into the program; its
    answer to an unknown choice is its search path, to a word that it cannot read its grammar.
    """
    from omegaconf.errors import ValidationError

    from envs.unknown_name import unknown_name

    if unread := getattr(error, "override", None):
        return f"{unread!r} cannot be read as key=value; {QUOTING}"
    cause = error.__cause__
    wanted, options = getattr(error, "missing_cfg_file", None), getattr(error, "options", None)
    if wanted and options:
        group, _, name = str(wanted).rpartition("/")
        return unknown_name(group, name, [option for option in options if not option.endswith("_schema")])
    key, parent = getattr(cause, "full_key", None), getattr(cause, "parent_node", None)
    if "Could not override" in str(error) and key and parent is not None:
        owner = getattr(cause, "object_type", None)
        if not list(parent):
            above = str(key).rpartition(".")[0]
            return f"key {key!r} lies below {above!r}, and nothing is chosen there; give {above}=<name> too"
        whose = owner.__name__ if isinstance(owner, type) and owner is not dict else ""
        return unknown_name("key", key, [str(k) for k in parent], whose)
    if isinstance(cause, ValidationError) and key:
        return f"{key}: {str(cause).splitlines()[0]}; 'coldaisle <verb> --help' lists each key with its type"
    return f"{error}\n{cause}" if cause else str(error)


def one_line(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """A warning without the place in the code, which tells a user nothing."""
    return f"{'warning' if category is UserWarning else category.__name__}: {message}\n"


def main() -> int:
    """Run what the command line asks for."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["help"]:
        arguments = [*arguments[1:2], "--help", *arguments[2:]]
    if not arguments or arguments[0] in HELP:
        sys.stdout.write(usage())
        return 0
    try:
        told = words_asked_for(arguments)
    except ValueError as error:
        sys.stderr.write(f"coldaisle: {error}\n")
        return 2
    except ModuleNotFoundError as error:
        sys.stderr.write(f"{missing_words(f'coldaisle {arguments[0]}', error, 'train')}\n")
        return 1
    if told is not None:
        sys.stdout.write(told)
        return 0
    return _run(*arguments)


def words_asked_for(arguments: Sequence[str]) -> str | None:
    """Text that a command line asks for instead of work: version, completion, help of a verb; None where it asks work.

    Raises
    ------
    ValueError
        For an unknown verb, group or shell.
    """
    first, *others = arguments
    if first in ("-V", "--version"):
        return f"{version_words()}\n"
    if first in ("--completion", "--complete"):
        from experiments.completion import completion_script, completions

        given = others[0] if others else ""
        return completion_script(given) if first == "--completion" else "".join(f"{w}\n" for w in completions(given))
    if first not in VERBS:
        from envs.unknown_name import unknown_name

        raise ValueError(unknown_name("verb", first, VERBS))
    if first == "demo" or not any(word in HELP for word in others):
        return None
    if first in PLAIN_VERBS:
        from agents.live.settings import settings_help

        return "\n".join(settings_help(settings, name) for name, settings in plain_settings(first).items())
    from experiments.help_words import help_words

    return help_words(first, [word for word in others if not word.startswith("-") and _is_group(word)])


def plain_settings(verb: str) -> dict[str, type]:
    """Dataclass of the keys of a verb without hydra, and of each of its parts: command to class."""
    module = verb_module(verb)
    parts = {f"{verb} {part}": settings for part, settings in getattr(module, "PARTS", {}).items()}
    return {verb: module.SETTINGS, **parts}


def _is_group(word: str) -> bool:
    """Whether a word beside ``--help`` asks for a group of keys, and is no setting."""
    return "=" not in word or word.startswith("agent=")


def verb_module(verb: str) -> ModuleType:
    """The module of a verb."""
    return import_module(f"experiments.{verb.replace('-', '_')}")


def _run(verb: str, *arguments: str) -> int:
    """Run a verb; the exit code."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    full = "HYDRA_FULL_ERROR" in os.environ  # a developer who wants the stack gets it
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # hydra hands errors on instead of printing a stack: see below
    sys.argv = [f"coldaisle {verb}", *arguments]
    warnings.formatwarning = one_line
    before = signal.signal(signal.SIGTERM, raise_interrupted)
    try:
        verb_module(verb).run()
    except KeyboardInterrupt as stopped:
        number = stopped.number if isinstance(stopped, Interrupted) else signal.SIGINT
        sys.stderr.write(f"coldaisle {verb}: stopped by {signal.Signals(number).name}; each file is whole or absent\n")
        return 128 + number
    except ModuleNotFoundError as error:
        if full or str(error.name).startswith(OWN):
            raise
        sys.stderr.write(f"{missing_words(f'coldaisle {verb}', error, 'train')}\n")
        return 1
    except Exception as error:
        if full or not _is_users(error):
            raise
        sys.stderr.write(f"coldaisle {verb}: {error_message(error)}\n(HYDRA_FULL_ERROR=1 shows the stack)\n")
        return 1
    finally:
        signal.signal(signal.SIGTERM, before)
        if not full:
            os.environ.pop("HYDRA_FULL_ERROR", None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
