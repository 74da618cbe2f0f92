"""What a site looks like at one moment, and its drawings: plan view, text, window."""
