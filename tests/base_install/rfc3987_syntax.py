"""First on the path of tests' processes: jsonschema finds no grammar of IRIs, as where JupyterLab is not installed.

Compiling that grammar takes more than a second of every process that imports papermill, and nothing here asks for it.
"""

raise ImportError(__name__)
