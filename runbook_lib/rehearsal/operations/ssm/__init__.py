"""AWS Systems Manager Automation, simulated: AWS's own documents that remediations start, and executions that really act."""
