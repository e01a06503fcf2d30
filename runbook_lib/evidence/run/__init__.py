"""What a run leaves in its folder: its record, raw answers, executed cells, attempts."""
