"""What a run leaves behind: the run folder and where it came from."""
