"""What is answered to names of PostHog's own package that are not here, or are elsewhere."""

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
        "set_context_device_id",
    }
)

# There they are methods of a client, too.
_CONTEXTS = frozenset(
    {"get_tags", "identify_context", "new_context", "scoped", "set_context_session", "tag"}
)


def missing(owner: object, what: str, name: str) -> AttributeError:
    """Return the error for *name*, which *owner* does not have; *what* is *owner* in words."""
    if name in _FEATURE_FLAGS:
        # Without the owner: Python would go on and suggest a name that looks alike.
        return AttributeError(f"{what}.{name}: feature flags are not available in this version")
    if name in _CONTEXTS:
        return AttributeError(f"{what} has no {name!r}: it is a function, posthog_web.{name}")
    return AttributeError(f"{what} has no attribute {name!r}", name=name, obj=owner)
