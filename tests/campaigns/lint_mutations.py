"""Lints and repairs damaged specs: no crash, none over 2 s, repairs touch nothing else, a second run changes nothing.

python tests/campaigns/lint_mutations.py [NUMBER] [SEED]        10,000 take about 15 minutes of one core
"""

from __future__ import annotations

import random
import sys
import traceback
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from mutations import LIMIT, examined, mutated


def main(number: int = 10_000, seed: int = 1) -> int:
    """Print a line for each document that fails, then the totals; 1 if any failed."""
    rng = random.Random(seed)
    kinds, fixes, refused = Counter(), Counter(), Counter()
    failures, slow, slowest = 0, 0, 0.0
    for index in range(number):
        content = mutated(rng)
        try:
            outcome = examined(content)
        except Exception:  # noqa: BLE001, a failure is what is looked for
            failures += 1
            print(f"document {index}: {content!r}\n{traceback.format_exc()}", flush=True)
            continue
        kinds[outcome.kind] += 1
        fixes.update(outcome.fixes)
        refused.update(outcome.refused)
        slowest = max(slowest, outcome.seconds)
        if outcome.seconds > LIMIT:
            slow += 1
            print(f"document {index} took {outcome.seconds:.1f} s: {content!r}", flush=True)
    print(f"{number:,} documents: {dict(kinds)}; {failures} failed; {slow} over {LIMIT} s, the slowest {slowest:.2f} s")
    print(f"{sum(fixes.values()):,} repairs: {dict(fixes.most_common())}")
    print(f"{sum(refused.values())} refused: {dict(refused)}")
    return int(failures + slow > 0)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
