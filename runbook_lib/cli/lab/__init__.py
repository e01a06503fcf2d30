"""`runbook lab`: the command, and the process of JupyterLab that it starts, which imports nothing that only the command needs."""
