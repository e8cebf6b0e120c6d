"""Results as JSON: without NaN, which JSON does not have, and within HTML."""

from __future__ import annotations

import json
import math
from typing import Any

from recbole_ile.texts import printable

ACTING = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}
"""What could end or change the script that holds a text."""


def without_nan(value: Any) -> Any:
    """Replace NaN and infinity by nothing, in nested values too."""
    if isinstance(value, dict):
        return {str(key): without_nan(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def script_json(value: Any) -> str:
    """Return JSON for a ``<script>`` of a page, whose texts are ``printable`` and cannot end it."""
    text = json.dumps(_printable(without_nan(value)), default=str)
    return text.translate(ACTING)


def _printable(value: Any) -> Any:
    if isinstance(value, dict):
        return {printable(key): _printable(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_printable(entry) for entry in value]
    return printable(value) if isinstance(value, str) else value
