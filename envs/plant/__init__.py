"""How the machines meet: the order of the day, state, start, electrical side and ledger."""
