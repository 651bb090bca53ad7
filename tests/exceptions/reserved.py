"""Names that nobody's properties may have, as the specification lists them (SRV-313, 322, 326)."""

from __future__ import annotations

RESERVED_NAMES = (
    "$exception_list",
    "$exception_type",
    "$exception_message",
    "$exception_level",
    "$exception_source",
    "$exception_handled",
    "$debug_images",
    "$exception_types",
    "$exception_values",
    "$exception_sources",
    "$exception_functions",
    "$exception_fingerprint_record",
    "$exception_fingerprint_version",
    "$exception_issue_id",
    "$exception_release",
    "$cymbal_errors",
)
