"""CloudFormation, whole: what an installer calls, and the protocol of custom resources as strict as it is at AWS."""
