"""Load of the racks: jobs, requests and traces."""
