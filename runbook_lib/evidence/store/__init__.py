"""Where sealed evidence is kept: a folder, or S3 with Object Lock; who holds the lease of a run."""
