"""One file out of a bundle, the same bytes each time."""

from __future__ import annotations

import zipfile
from pathlib import Path

from covey.core.errors import StoreError, UnusableInput
from covey.evidence.bundle import MANIFEST

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that the zip format can hold."""


def zip_bundle(folder: Path, dest: Path) -> Path:
    """Write the bundle in ``folder`` as the zip file ``dest``, names sorted, times fixed; return ``dest``.

    An existing file is replaced at once or not at all. Raises UnusableInput when ``folder`` is no bundle, StoreError
    when the file cannot be written.
    """
    if not (folder / MANIFEST).is_file():
        raise UnusableInput(f"{folder} is not an evidence bundle: it has no {MANIFEST}. Name the folder of a run.")
    files = sorted(entry for entry in folder.rglob("*") if entry.is_file() and not entry.is_symlink())
    try:
        dest.parent.mkdir(parents=True, exist_ok=True)
        temporary = dest.with_name(f".{dest.name}.partial")
        try:
            with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
                for file in files:
                    info = zipfile.ZipInfo(f"{folder.name}/{file.relative_to(folder).as_posix()}", _EPOCH)
                    info.external_attr = 0o100644 << 16
                    info.create_system = 3
                    archive.writestr(info, file.read_bytes(), zipfile.ZIP_DEFLATED)
            temporary.replace(dest)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreError(f"The archive {dest} cannot be written: {error.strerror}. Name another with --to.") from error
    return dest
