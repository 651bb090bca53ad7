"""Names of PostHog's own package that this version answers with what is missing."""

from __future__ import annotations

_FEATURE_FLAGS = frozenset(
    {
        "evaluate_flags",
        "feature_enabled",
        "get_all_flags",
        "get_all_flags_and_payloads",
        "get_feature_flag",
        "get_feature_flag_payload",
        "get_feature_flag_result",
        "get_remote_config_payload",
        "load_feature_flags",
    }
)


def missing(owner: object, what: str, name: str) -> AttributeError:
    """Return the error for *name*, which *owner* has not; *what* it is begins the sentence."""
    if name in _FEATURE_FLAGS:
        # Without the owner: Python would go on and suggest a name that looks alike.
        return AttributeError(f"{what}.{name}: feature flags are not available in this version")
    return AttributeError(f"{what} has no attribute {name!r}", name=name, obj=owner)
