"""The sections of settings that each manage one AWS service: a module for each, named as the service's own folder is."""
