"""IAM Access Analyzer: one analyzer in a Region looks at every account of the organization."""
