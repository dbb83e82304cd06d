"""``covey config show``."""

from __future__ import annotations

import json
import sys

from covey.core.redact import redact, redact_json
from covey.settings import Settings, config_file, load_settings


async def config_command(*, as_json: bool) -> int:
    """Print every setting with its value and meaning; a comment says where the file is."""
    settings = load_settings()
    values = settings.model_dump(mode="json")
    if as_json:
        sys.stdout.write(json.dumps(redact_json({"file": str(config_file()), "settings": values})) + "\n")
        return 0
    lines = [f"# {config_file()}{'' if config_file().exists() else ' (not there: all defaults)'}"]
    for name, field in Settings.model_fields.items():
        lines.append(f"# {field.description}")
        lines.append(f"{name}: {json.dumps(values[name])}")
    sys.stdout.write(redact("\n".join(lines)) + "\n")
    return 0
