"""PostHog for Python web applications.

Make a ``Client``, or set ``posthog_web.api_key`` and call the verbs on the module. Options that are
assigned to the module before ``posthog_web.setup()``, or the first call, configure its client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_web._client.contexts import (
    Contexts,
    identify_context,
    set_context_session,
    tag,
)
from posthog_web._client.core import Client, Posthog
from posthog_web._client.default import default_client as _default
from posthog_web._client.propagation import propagate
from posthog_web._runtime.signals import install_signal_handlers
from posthog_web._scope import get_distinct_id, get_tags

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from typing import Literal

    from posthog_web.typing import BeforeSend, IgnoredException, OnDrop, OnError, Properties

# Options that may be assigned here before the first call; `default_client` replaces them all.
default_client: Client | None
api_key: str | None
project_api_key: str | None
host: str | None
before_send: BeforeSend | Sequence[BeforeSend] | None
capture_compression: Literal["none", "identity", "gzip", "deflate", "zstd"] | None
capture_mode: Literal["v0", "v1", "legacy", "analytics_v1"] | None
capture_exception_code_variables: bool | None
capture_unraisable_exceptions: bool | None
code_variables_detect_secrets: bool | None
code_variables_ignore_patterns: Sequence[str] | None
code_variables_mask_patterns: Sequence[str] | None
code_variables_mask_url_credentials: bool | None
debug: bool | None
disable_geoip: bool | None
disabled: bool | None
enable_exception_autocapture: bool | None
enable_exception_autocapture_rate_limiting: bool | None
enable_local_evaluation: bool | None
exception_autocapture_bucket_size: int | None
exception_autocapture_refill_interval_seconds: float | None
exception_autocapture_refill_rate: int | None
feature_flags_request_timeout_seconds: float | None
flag_fallback_cache_url: str | None
flush_at: int | None
flush_interval: float | None
flush_timeout: float | None
gzip: bool | None
historical_migration: bool | None
ignore_exceptions: Sequence[IgnoredException] | None
in_app_modules: Sequence[str] | None
is_server: bool | None
log_captured_exceptions: bool | None
max_batch_bytes: int | None
max_batch_size: int | None
max_event_age: float | None
max_queue_bytes: int | None
max_queue_size: int | None
max_retries: int | None
on_drop: OnDrop | None
on_error: OnError | None
personal_api_key: str | None
poll_interval: float | None
privacy_mode: bool | None
project_root: str | os.PathLike[str] | None
send: bool | None
shutdown_timeout: float | None
super_properties: Properties | None
sync_mode: bool | None
thread: int | None
timeout: float | None

_default.bind(globals())
_contexts = Contexts(_default.find_configured)

capture = _default.capture
capture_ai = _default.capture_ai
capture_exception = _default.capture_exception
set = _default.set  # noqa: A001 - PostHog's name for it; kept out of __all__
set_once = _default.set_once
identify = _default.identify
alias = _default.alias
group_identify = _default.group_identify
page = _default.page

new_context = _contexts.new_context
scoped = _contexts.scoped

setup = _default.setup  # kept out of __all__, too: applications have a `setup` of their own
flush = _default.flush
flush_after = _default.flush_after
aflush = _default.aflush
ashutdown = _default.ashutdown
join = _default.join
shutdown = _default.shutdown
stats = _default.stats
opt_out = _default.opt_out
opt_in = _default.opt_in
is_opted_out = _default.is_opted_out

__all__ = [
    "Client",
    "Posthog",
    "aflush",
    "alias",
    "ashutdown",
    "capture",
    "capture_ai",
    "capture_exception",
    "flush",
    "flush_after",
    "get_distinct_id",
    "get_tags",
    "group_identify",
    "identify",
    "identify_context",
    "install_signal_handlers",
    "is_opted_out",
    "join",
    "new_context",
    "opt_in",
    "opt_out",
    "page",
    "propagate",
    "scoped",
    "set_context_session",
    "set_once",
    "shutdown",
    "stats",
    "tag",
]


if TYPE_CHECKING:
    VERSION: str
    __version__: str
else:

    def __getattr__(name: str) -> object:
        """Return what nobody assigned: an option's default, or the version, looked up only now."""
        import sys  # noqa: PLC0415 - as below

        if name in {"VERSION", "__version__"}:
            from posthog_web._runtime.system import library_version  # noqa: PLC0415 - see above

            return library_version()
        return _default.read_unassigned(name, sys.modules[__name__])
