from __future__ import annotations

import sys
from pathlib import Path

# The made-up tables stand beside the tests that use them.
sys.path.insert(0, str(Path(__file__).parent))
