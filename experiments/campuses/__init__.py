"""Campuses: several halls between which waiting jobs may move, and the rules that move them."""
