"""Amazon EventBridge, simulated: event buses, rules, targets, and what becomes of each event at each target."""
