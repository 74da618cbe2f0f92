"""Jobs as decisions: a table of jobs, a scheduler, the network between racks, and the ledger of work."""
