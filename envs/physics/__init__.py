"""Laws without equipment: moist air, coolants, exchangers, fans and pumps, curves, staging."""
