"""Pages of ``docs/reference``, each made from the tables of the code."""
