"""How much the order of jobs could do: bounds, clairvoyant orders, plans by integer programs, exact answers."""
