"""What is attached to a problem, as words of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from covey.agents.media import look_at, read_recording, read_text
from covey.core.errors import UnusableModel
from covey.settings import Settings


async def with_attachments(problem: str, files: Sequence[Path], settings: Settings) -> str:
    """Append what ``files`` hold to the words of the user, each under its name.

    Raises UnusableInput for a file, and UnusableModel for a model, that cannot be used.
    """
    parts = [problem] if problem.strip() else []
    for found in [look_at(path) for path in files]:
        if found.kind == "image":
            raise UnusableModel(
                f"{found.path} is an image, and no engine of Covey hands images to a model. Say in words what it "
                "shows, or attach the text that stands on it."
            )
        if found.kind == "recording":
            text = await read_recording(found.path, settings.audio_model, threads=settings.threads)
        else:
            text = await asyncio.to_thread(read_text, found.path)
        parts.append(f"Attached {found.path.name}:\n{text}")
    return "\n\n".join(parts)
