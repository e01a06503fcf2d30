"""The CloudFormation door: a template whose custom resources run phases in a function, and what packages and deploys it.

What runs in the function imports neither tables, widgets, notebooks nor the command line (`accept`, `work` and what they import); a
test holds that. The protocol's rules: docs/stack.md.
"""
