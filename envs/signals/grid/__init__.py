"""Price, carbon and demand response of the grid."""
