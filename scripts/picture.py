"""Draw a real run as docs/run.svg: the demo's ``covey run`` in a terminal of 110 columns, as it looks when it ends."""

from __future__ import annotations

import io
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
COLUMNS, ROWS = 110, 60
COMMAND = ["covey", "run", "--repo", "invoice_service", "--holdout", "holdout"]


def recorded(folder: Path) -> str:
    """What the command wrote to its terminal, standard output and error together."""
    main, terminal = pty.openpty()
    os.set_blocking(main, True)
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "TERM": "xterm-256color"}
    environment |= {"COVEY_HOME": str(folder / "home"), "COLUMNS": str(COLUMNS), "LINES": str(ROWS)}
    program = [str(Path(sys.executable).with_name("covey")), *COMMAND[1:]]
    process = subprocess.Popen(program, cwd=folder, env=environment, stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    chunks: list[bytes] = []

    def read() -> None:
        while True:
            try:
                chunk = os.read(main, 1 << 16)
            except OSError:  # the terminal is closed when the program ends
                return
            chunks.append(chunk)

    reader = threading.Thread(target=read)
    reader.start()
    process.wait(timeout=300)
    reader.join(timeout=10)
    os.close(main)
    return b"".join(chunks).decode("utf-8", "replace")


def final_screen(text: str) -> str:
    """The screen at the end: what live drawing has overwritten is gone."""
    lines: list[str] = []
    row = 0
    for part in re.split(r"(\r\n|\x1b\[\d*A|\x1b\[2K|\r)", text):
        if part == "\r\n":
            row += 1
        elif up := re.fullmatch(r"\x1b\[(\d*)A", part):
            row = max(0, row - int(up.group(1) or 1))
        elif part == "\x1b[2K":
            if row < len(lines):
                lines[row] = ""
        elif part and part != "\r":
            lines.extend("" for _ in range(row + 1 - len(lines)))
            lines[row] += re.sub(r"\x1b\[\?25[lh]", "", part)
    return "\n".join(lines)


def main() -> None:
    """Run and draw."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "examples" / "01_invoice_service", folder / "invoice_service")
        shown = final_screen(recorded(folder)).replace(name, "~")
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi("$ " + " ".join(COMMAND)))
    console.print(Text.from_ansi(shown), soft_wrap=True)
    drawn = console.export_svg(title="covey run", font_aspect_ratio=0.61)
    drawn = re.sub(r"@font-face \{.*?\}|<!--.*?-->", "", drawn, flags=re.DOTALL)  # no fonts from elsewhere
    (ROOT / "docs" / "run.svg").write_text(drawn.replace("Fira Code, ", ""), encoding="utf-8")


if __name__ == "__main__":
    main()
