"""Renews or checks the recorded ``$exception`` events in tests/contract/payloads."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tests.contract.golden import CASES, PAYLOADS, path_of, write


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the files; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="record all events anew")
    action.add_argument("--check", action="store_true", help="fail when one has changed")
    options = parser.parse_args(arguments)
    texts = {path_of(case): write(case) for case in CASES}
    known = {path: path.read_text(encoding="utf-8") for path in PAYLOADS.glob("*.json")}
    if options.write:
        for path in known.keys() - texts.keys():
            path.unlink()
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8")
        return 0
    changed = sorted(
        path.stem for path in known.keys() | texts.keys() if known.get(path) != texts.get(path)
    )
    if changed:
        print(f"Changed: {', '.join(changed)}. After review: python -m tools.golden --write")
        return 1
    print("The recorded exceptions are what is sent.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
