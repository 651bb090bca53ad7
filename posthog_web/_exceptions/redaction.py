"""The text that stands for a secret, and how it takes the secret's place."""

from __future__ import annotations

import re

REDACTED = "$$_posthog_redacted_based_on_masking_rules_$$"


def hide_value(found: re.Match[str]) -> str:
    """Return *found* with the secret hidden that follows its first group."""
    return f"{found[1]}{REDACTED}"
