"""EnergyPlus beside our plant: own models of it, run through its API, and what both say about the same year.

The only place that imports ``pyenergyplus``, and only inside functions: it is an extra, ``coldaisle[energyplus]``.
"""
