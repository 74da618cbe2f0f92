"""Point maps for a building: a template for a protocol, or from a Brick model."""
