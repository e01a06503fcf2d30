"""Who approves and reviews: trust policy, four eyes, review of emergencies."""
