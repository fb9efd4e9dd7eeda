"""Installed packages that an encoder imports, by name and version; their files are not read.

A distribution that was installed from a folder, an archive or a revision, and not from an index, may change under the
same version: of such a one the digests in its ``RECORD`` count, too.
"""

from __future__ import annotations

import hashlib
import re
import sysconfig
from collections.abc import Collection, Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path

__all__ = ["SITE_NAMES", "distributions_of", "installed_versions", "is_installed", "is_of_python"]

SITE_NAMES = {"site-packages", "dist-packages"}
"""Names of folders that packages are installed in."""

_PYTHON = tuple({Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")})


def is_installed(path: Path) -> bool:
    """Whether a file lies where packages are installed."""
    return not SITE_NAMES.isdisjoint(path.parts)


def is_of_python(path: Path) -> bool:
    """Whether a file is of the standard library."""
    return not is_installed(path) and any(folder in path.resolve().parents for folder in _PYTHON)


def distributions_of(top: str, folder: Path) -> tuple[Distribution, ...]:
    """Distributions in ``folder`` that provide the top-level module ``top``; none where it is somebody's own folder."""
    if not is_installed(folder) and not any(folder.glob("*.dist-info")):
        return ()
    of_that_name = [one for one in distributions(name=top, path=[str(folder)]) if _provides(one, top)]
    return tuple(of_that_name or (one for one in distributions(path=[str(folder)]) if _provides(one, top)))


def _provides(one: Distribution, top: str) -> bool:
    record = one.read_text("RECORD")
    if record is None:
        return top in (one.read_text("top_level.txt") or "").split()
    lines = f"\n{record}"
    return f"\n{top}/" in lines or f"\n{top}." in lines


def installed_versions(imported: Mapping[str, tuple[Distribution, ...]], followed: Collection[str]) -> dict[str, str]:
    """Versions of the distributions that provide modules, and of what those require.

    Args:
        imported: top-level module -> what provides it.
        followed: those whose requirements count, too, step by step. What else is imported, which is what this library
            itself imports (torch and the like), is not followed: else a new version of a tool that torch requires
            would embed everything anew.

    Returns:
        Name -> version, and for what comes from no index a digest of its contents.
    """
    found = {_name(one): _version(one) for top in imported.keys() - followed for one in imported[top]}
    waiting = [one for top in sorted(imported.keys() & followed) for one in imported[top]]
    while waiting:
        one = waiting.pop()
        if _name(one) not in found:
            found[_name(one)] = _version(one)
            waiting += _requirements(one) if _name(one) != "torch" else ()
    return found


def _name(one: Distribution) -> str:
    return re.sub(r"[-_.]+", "-", one.name or "").lower()


def _version(one: Distribution) -> str:
    if one.read_text("direct_url.json") is None:
        return one.version
    lines = (line for line in (one.read_text("RECORD") or "").splitlines() if ",sha256=" in line)
    contents = sorted(line for line in lines if ".dist-info/" not in line.partition(",")[0])
    return f"{one.version} {hashlib.sha256(chr(10).join(contents).encode()).hexdigest()}"


def _requirements(one: Distribution) -> Iterator[Distribution]:
    for requirement in one.requires or ():
        name = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement)
        if name is None or re.search(r"\bextra\s*==", requirement):
            continue
        try:
            yield distribution(name.group())
        except PackageNotFoundError:  # not for this platform
            continue
