"""What people look at: tables, AWS CLI lines and HTML. pandas and ipywidgets are imported here and nowhere else."""
