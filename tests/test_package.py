"""The package as it is installed: content is found in a checkout and in a wheel, and the README's examples are true."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.version import Version

import hear_audiomosaic
from hear_audiomosaic.paths import content_dir

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # of pytest

ROOT = Path(__file__).parents[1]
LOWEST_EXTRAS = ("remote", "test")  # of `tox -e lowest`


def test_a_checkout_finds_its_content() -> None:
    assert content_dir("tasks") == ROOT / "tasks"
    assert (content_dir("reports") / "templates").is_dir()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What installing the wheel puts into an environment."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, ROOT],
        check=True,
    )
    [wheel] = folder.glob("*.whl")
    assert wheel.name.split("-")[1] == hear_audiomosaic.__version__
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def test_a_wheel_finds_its_content(site: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, '.'); import hear_audiomosaic.paths as p; "
        "print(p.content_dir('tasks').relative_to(p.Path.cwd()), len(list(p.content_dir('tasks').rglob('*.yaml')))); "
        "import hear_audiomosaic; print(hear_audiomosaic.__version__)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=site, capture_output=True, text=True, check=True)
    n_cards = str(len(list((ROOT / "tasks").rglob("*.yaml"))))
    assert done.stdout.split() == ["hear_audiomosaic/_content/tasks", n_cards, hear_audiomosaic.__version__]


def test_a_wheel_opens_its_doors_outside_the_checkout(site: Path, tmp_path: Path) -> None:
    """In environments of their own, on the oldest and the newest Python, too: ``tox -e wheel-py310,wheel-py313``."""
    script = (ROOT / "tests" / "helpers" / "from_python.py").read_text()
    first = f"import sys; sys.path.insert(0, {str(site)!r})\n"  # before a checkout that is installed
    (tmp_path / "script.py").write_text(script.replace("import os\n", f"import os\n{first}", 1))
    done = subprocess.run(
        [sys.executable, "-I", "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"{site}/hear_audiomosaic/__init__.py" in done.stdout


@pytest.mark.usefixtures("synth_pitch")
def test_the_readme_python_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for example in examples:
        exec(example, names)  # noqa: S102 - the README's own lines
    assert "no significant difference" in capsys.readouterr().out
    assert names["scene"].shape == (2, 192)  # type: ignore[attr-defined]
    assert names["times_ms"].shape == names["steps"].shape[:2]  # type: ignore[attr-defined]


def test_the_version_is_the_same_everywhere() -> None:
    project = _pyproject()
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"]["path"] == "hear_audiomosaic/__init__.py"
    citation = (ROOT / "CITATION.cff").read_text()
    assert re.findall(r"^version: (.*)", citation, flags=re.MULTILINE) == [hear_audiomosaic.__version__]


def test_the_lowest_versions_are_the_lower_bounds() -> None:
    """What `tox -e lowest` installs: every direct dependency at its lower bound."""
    text = (ROOT / "constraints-lowest.txt").read_text()
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)", text, flags=re.MULTILINE))
    project = _pyproject()["project"]
    required = [*project["dependencies"], *(r for e in LOWEST_EXTRAS for r in project["optional-dependencies"][e])]
    for requirement in required:
        match = re.fullmatch(r"([\w.-]+)>=([\w.]+)(?:,<[\w.]+)?", requirement)
        assert match, f"{requirement}: expected NAME>=LOWEST or NAME>=LOWEST,<HIGHEST"
        name, lowest = match[1].lower().replace("_", "-"), match[2]
        assert Version(pins[name]) == Version(lowest), f"{requirement}, {name}=={pins[name]}"


def test_pre_commit_has_the_ruff_of_the_constraints() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    [version] = [hook["rev"].removeprefix("v") for hook in hooks if hook["repo"].endswith("/ruff-pre-commit")]
    assert f"ruff=={version}\n" in (ROOT / "constraints.txt").read_text()


def _pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_what_is_committed_has_no_size_of_weights() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607
    if listed.returncode:
        pytest.skip("not a git checkout")
    sizes = {
        name: (ROOT / name).stat().st_size for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()
    }
    assert not {name: size for name, size in sizes.items() if size > 12_000_000}
