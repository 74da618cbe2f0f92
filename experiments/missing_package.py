"""Which line installs a package that an install of coldaisle left out."""

from __future__ import annotations

#: Import names of what the extra ``environments`` brings; ``train`` brings these and all others.
ENVIRONMENTS = ("array_api_compat", "gymnasium", "joblib", "omegaconf", "pandas", "pyarrow", "scipy", "yaml")
OWN_EXTRA = {
    "pyenergyplus": "energyplus",
    "tensorboard": "tensorboard",
    **dict.fromkeys(("asyncua", "bacpypes3", "paho", "prometheus_client", "pymodbus", "pynvml"), "operator"),
    "duckdb": "campaign",
    "submitit": "campaign",
    "ray": "ray",
    "optuna": "tune",
    "highspy": "planner",
    "ortools": "planner",
    "rdflib": "brick",
    "fastapi": "page",
    "uvicorn": "page",
}


def missing_words(what: str, error: ModuleNotFoundError, least: str = "environments") -> str:
    """What needs the package that is missing, and the line that installs it.

    Parameters
    ----------
    what : str
        A name or verb of coldaisle.
    error : ModuleNotFoundError
    least : str
        The extra that ``what`` needs in any case.
    """
    package = error.name or str(error)
    root = package.partition(".")[0]
    extra = OWN_EXTRA.get(root, least if root in ENVIRONMENTS else "train")
    return (
        f"{what} needs the package {package}, which this install left out; in the checkout type: "
        f"pip install -c constraints.txt -e '.[{extra}]'"
    )
