"""`python -m runbook_lib` is the command line."""

from runbook_lib.cli import main

main()
