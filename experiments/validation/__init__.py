"""EnergyPlus beside our plant, machine by machine: what the verb `validate` prints."""
