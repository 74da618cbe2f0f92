"""The power tree of a hall, what survives a lost feeder, and how its power is shared by the value of the work."""
