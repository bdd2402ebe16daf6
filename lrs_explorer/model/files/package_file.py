"""The package of a paper on disk: a zip with a manifest, read as if anybody had written it.

Nothing in it decides where a file goes, how much is read, or what runs: names, sizes and checksums
are those of the manifest or it is refused; links, duplicates and other files are refused; what is
unpacked is asked for by name and goes into a folder of the user's own.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.disk import sentence

__all__ = [
    "FORMAT",
    "INPUT_PART",
    "KEY",
    "MANIFEST",
    "InputFile",
    "Package",
    "PackedFile",
    "checked_name",
    "checksum",
    "is_package",
    "read_package",
    "unpack",
    "write_package",
]

FORMAT: Final = 1
"""Of the manifest; to be raised when an older version could not open the package rightly."""

KEY: Final = "lrs_explorer_package"
MANIFEST: Final = "manifest.json"

MOST_FILES: Final = 5000
LARGEST_MANIFEST: Final = 16_000_000
MOST_BYTES: Final = 4_000_000_000
"""Bytes of all files together, unpacked, that are read at most."""

CHUNK: Final = 1 << 20

PART: Final = re.compile(r"[^\x00-\x1f\x7f/\\:]{1,240}")
"""A folder's or a file's name within a package, on every system."""

INPUT_PART: Final = re.compile(r"[^\x00-\x1f\x7f/]{1,255}")
"""The same of an input, which has its name already."""

DIGEST: Final = re.compile(r"[0-9a-f]{64}")

DAMAGED: Final = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
"""What zipfile raises for damaged content, depending on where the damage is."""

AGAIN: Final = "get the package again"


@dataclass(frozen=True)
class PackedFile:
    """A file in a package: its name with folders, bytes, SHA-256 and what it is."""

    name: str
    size: int
    sha256: str
    what: str


@dataclass(frozen=True)
class InputFile:
    """A file that a package was made of, and does not hold.

    Parameters
    ----------
    name : str
        Path from the folder that all inputs share.
    kind : str
        As of a `ProductFile`; "asn" or "truth" for others.
    size : int
        Bytes.
    sha256 : str
    mast : str or None
        Identifier that a product of this name has at MAST; None where it is not known.
    needed : bool
        Whether the spectrum is made of it.
    """

    name: str
    kind: str
    size: int
    sha256: str
    mast: str | None
    needed: bool


@dataclass(frozen=True, eq=False)
class Package:
    """A package whose files are all as the manifest says.

    Parameters
    ----------
    path : Path
    key : str
        SHA-256 of the manifest, and so of everything in it.
    content : Mapping
        The manifest.
    files : Mapping of str to PackedFile
    inputs : tuple of InputFile
    """

    path: Path
    key: str
    content: Mapping[str, Any]
    files: Mapping[str, PackedFile]
    inputs: tuple[InputFile, ...]


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises
    ------
    LRSExplorerError
        It cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise LRSExplorerError(sentence(path, error)) from None


def is_package(path: Path) -> bool:
    """Tell by name or first bytes whether a file is meant as a package."""
    if path.suffix.lower() == ".zip":
        return os.path.isfile(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as stream:
            return stream.read(4) == b"PK\x03\x04"
    except (OSError, ValueError):
        return False


# -- reading ---------------------------------------------------------------------------------------


def read_package(path: Path) -> Package:
    """Read the manifest of a package, and check every file in it.

    Raises
    ------
    LRSExplorerError
        It cannot be read, is no package or a newer one; or a file in it is missing, changed,
        doubled or not named; or it would do harm where it is unpacked.
    """
    with _opened(path) as archive:
        entries = _entries(archive, path)
        if MANIFEST not in entries:
            raise LRSExplorerError(
                f"{path} is no package of LRS Explorer (it holds no {MANIFEST}); unpack it, and "
                "open a product in it."
            )
        text = _text(archive, entries[MANIFEST], path)
        content = _manifest(text, path)
        files = {one.name: one for one in _packed_files(content, path)}
        inputs = tuple(_inputs(content, path))
        for name in entries:
            if name not in files and name != MANIFEST:
                raise LRSExplorerError(
                    f"{path} holds {name}, which its {MANIFEST} does not name; {AGAIN}."
                )
        for name, wanted in files.items():
            if name not in entries:
                raise LRSExplorerError(f"{name} is missing in {path}; {AGAIN}.")
            _check(archive, entries[name], wanted, path)
    key = hashlib.sha256(text).hexdigest()
    return Package(path, key, content, files, inputs)


def unpack(package: Package, names: Iterable[str], folder: Path) -> None:
    """Write some files of a package into a folder, by the last part of their names.

    Raises
    ------
    LRSExplorerError
        One has changed since the package was read, or cannot be written.
    """
    with _opened(package.path) as archive:
        entries = _entries(archive, package.path)
        for name in names:
            target = folder / PurePosixPath(name).name
            if name not in entries:
                raise LRSExplorerError(f"{name} is missing in {package.path}; {AGAIN}.")
            try:
                with target.open("xb") as stream:
                    _check(archive, entries[name], package.files[name], package.path, stream)
            except OSError as error:
                raise LRSExplorerError(
                    f"{target} could not be written ({error.strerror or error}); make room, or set "
                    "LRS_EXPLORER_CACHE to another folder."
                ) from None


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise LRSExplorerError(sentence(path, error)) from None
    except DAMAGED:
        raise LRSExplorerError(f"{path} is no zip file, or is damaged; {AGAIN}.") from None
    with archive:
        yield archive


def _entries(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    """Return the files in an archive by name, none of which leads elsewhere, none twice."""
    found: dict[str, zipfile.ZipInfo] = {}
    alike: set[str] = set()
    total = 0
    for info in archive.infolist():
        name = info.orig_filename
        checked_name(name.removesuffix("/") if info.is_dir() else name, path)
        kind = stat.S_IFMT(info.external_attr >> 16)
        if info.is_dir() and kind in (0, stat.S_IFDIR) and not info.file_size:
            continue  # a folder, as other programs note them
        if kind not in (0, stat.S_IFREG):
            raise LRSExplorerError(
                f"{name} in {path} is a link or a device, not a file; {AGAIN} from whom you trust."
            )
        if name.casefold() in alike:
            raise LRSExplorerError(f"{path} holds {name} twice; {AGAIN}.")
        if info.flag_bits & 1 or info.compress_type not in (
            zipfile.ZIP_STORED,
            zipfile.ZIP_DEFLATED,
        ):
            raise LRSExplorerError(
                f"{name} in {path} is encrypted, or packed in an unusual way; {AGAIN}."
            )
        total += info.file_size
        if len(found) >= MOST_FILES or total > MOST_BYTES:
            raise LRSExplorerError(
                f"{path} holds more than {MOST_FILES} files, or more than "
                f"{MOST_BYTES / 1e9:g} GB, which no package does; {AGAIN} from whom you trust."
            )
        alike.add(name.casefold())
        found[name] = info
    return found


def is_safe(name: Any, part: re.Pattern[str] = PART) -> bool:
    """Tell whether something is a name within a folder that leads nowhere else."""
    parts = name.split("/") if isinstance(name, str) else [""]
    return all(one not in ("", ".", "..") and part.fullmatch(one) for one in parts)


def checked_name(name: Any, path: Path, part: re.Pattern[str] = PART) -> str:
    """Return a name within a package, or that of an input.

    Raises
    ------
    LRSExplorerError
        It leads elsewhere, or could on some system.
    """
    if not is_safe(name, part):
        raise LRSExplorerError(
            f"{path} names a file {name!r}, which could lead out of its folder; {AGAIN} from whom "
            "you trust."
        )
    return str(name)


def _text(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> bytes:
    if info.file_size > LARGEST_MANIFEST:
        raise LRSExplorerError(f"{MANIFEST} of {path} is too large to be one; {AGAIN}.")
    try:
        with archive.open(info) as stream:
            return stream.read(LARGEST_MANIFEST + 1)
    except DAMAGED:
        raise LRSExplorerError(f"{MANIFEST} of {path} is damaged; {AGAIN}.") from None


def _manifest(text: bytes, path: Path) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    version = content.get(KEY) if isinstance(content, dict) else None
    if type(version) is not int or version < 1:
        raise LRSExplorerError(
            f"{MANIFEST} of {path} is not that of a package of LRS Explorer; {AGAIN}."
        )
    if version > FORMAT:
        raise LRSExplorerError(
            f"{path} was made by a newer LRS Explorer (format {version}, here {FORMAT}); install "
            "a newer one to open it."
        )
    assert isinstance(content, dict)
    return content


def _packed_files(content: Mapping[str, Any], path: Path) -> Iterator[PackedFile]:
    for one in _list(content, "files", path):
        name, size, digest = _told(one, path)
        if name == MANIFEST:
            raise _unreadable(path)
        yield PackedFile(name, size, digest, str(one.get("what", "")))


def _inputs(content: Mapping[str, Any], path: Path) -> Iterator[InputFile]:
    for one in _list(content, "inputs", path):
        name, size, digest = _told(one, path, INPUT_PART)
        mast = one.get("mast")
        yield InputFile(
            name,
            str(one.get("kind", "")),
            size,
            digest,
            mast if isinstance(mast, str) else None,
            one.get("needed") is True,
        )


def _list(content: Mapping[str, Any], key: str, path: Path) -> list[Mapping[str, Any]]:
    found = content.get(key)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise _unreadable(path)
    if len(found) > MOST_FILES or len({str(one.get("name")) for one in found}) < len(found):
        raise _unreadable(path)
    return found


def _told(one: Mapping[str, Any], path: Path, part: re.Pattern[str] = PART) -> tuple[str, int, str]:
    name = checked_name(one.get("name"), path, part)
    size, digest = one.get("bytes"), one.get("sha256")
    if type(size) is not int or size < 0:
        raise _unreadable(path)
    if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
        raise _unreadable(path)
    return name, size, digest


def _unreadable(path: Path) -> LRSExplorerError:
    return LRSExplorerError(f"{MANIFEST} of {path} cannot be read: it is not whole; {AGAIN}.")


def _check(
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    wanted: PackedFile,
    path: Path,
    target: IO[bytes] | None = None,
) -> None:
    """Read a file of a package, no more of it than it should have, and write it to ``target``."""
    changed = LRSExplorerError(
        f"{wanted.name} in {path} is not as it was when the package was made (its checksum is "
        f"another); {AGAIN}."
    )
    if info.file_size != wanted.size:
        raise changed
    digest, left = hashlib.sha256(), wanted.size
    try:
        with archive.open(info) as stream:
            while chunk := stream.read(CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise changed
                digest.update(chunk)
                if target is not None:
                    target.write(chunk)
    except DAMAGED as error:
        if target is not None and isinstance(error, OSError) and error.errno:
            raise  # it could not be written
        raise changed from None
    if left or digest.hexdigest() != wanted.sha256:
        raise changed


# -- writing ---------------------------------------------------------------------------------------


def write_package(path: Path, content: Mapping[str, Any], folder: Path) -> None:
    """Write a package of the files that a manifest names.

    The same content gives the same bytes: entries hold no time.

    Parameters
    ----------
    path : Path
    content : Mapping
        The manifest.
    folder : Path
        Where the files lie, by their names.

    Raises
    ------
    LRSExplorerError
        A file has a name that not every system can have.
    """
    for one in content["files"]:
        if not is_safe(one["name"]):
            raise LRSExplorerError(
                f"{one['name']!r} has a character in its name that a package cannot hold; rename "
                "the file that it is called after."
            )
    manifest = json.dumps(content, indent=1) + "\n"
    with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_entry(MANIFEST), manifest.encode())
        for one in content["files"]:
            with (
                (folder / one["name"]).open("rb") as source,
                archive.open(_entry(one["name"], one["bytes"]), "w") as target,
            ):
                while chunk := source.read(CHUNK):
                    target.write(chunk)


def _entry(name: str, size: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3  # of Unix, wherever it is written
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    info.file_size = size
    return info
