"""Puts the folder above on the path, where tests share what they drive a simulated organization with."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
