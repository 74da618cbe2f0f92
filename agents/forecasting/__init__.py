"""A thermal prediction engine: the plant and a learned residual, with intervals."""
