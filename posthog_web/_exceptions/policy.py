"""What a client's options say about exceptions."""

from __future__ import annotations

from dataclasses import dataclass, field

from posthog_web._config import ClientOptions
from posthog_web._exceptions.expected import Expected
from posthog_web._exceptions.files import Files, find_root
from posthog_web._exceptions.frames import Stacks
from posthog_web._exceptions.storms import Limit, Storms
from posthog_web._exceptions.variables import make_reader
from posthog_web._log import Notices
from posthog_web._scope import new_token


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How one client reports exceptions.

    Attributes:
        stacks: How their stacks are read.
        expected: Those that are not reported by themselves.
        storms: How often equal ones are.
        reporter: Stands for the client with those who must not keep it alive.
    """

    stacks: Stacks
    expected: Expected
    storms: Storms
    reporter: int = field(default_factory=new_token)


def make_policy(options: ClientOptions, notices: Notices) -> Policy:
    """Return the policy of *options*; it warns of functions among them that fail."""
    limit = Limit(
        size=options.exception_autocapture_bucket_size,
        refill=options.exception_autocapture_refill_rate,
        interval=options.exception_autocapture_refill_interval_seconds,
    )
    files = Files(find_root(options.project_root), options.in_app_modules)
    limited = options.enable_exception_autocapture_rate_limiting
    return Policy(
        stacks=Stacks(files=files, variables=make_reader(options, files)),
        expected=Expected(options.ignore_exceptions, notices),
        storms=Storms(limit if limited else None),
    )
