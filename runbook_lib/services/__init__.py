"""The AWS services of the runbook: what is true of each (specs), what each does (aspects), and what all of them share."""
