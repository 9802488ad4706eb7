"""Random walks through `cnnwiz new`, and what they did not reach: python tests/campaigns/wizard_walks.py [COUNT]."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import walks

if __name__ == "__main__":
    walks.main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
