"""Why a policy decided as it did: which measurements moved which setpoint, and what the rule would have done."""
