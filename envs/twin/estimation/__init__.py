"""State of a hall as far as measurements tell it."""
