"""The project around the code: one version, ranges and constraints that agree, nothing of one machine in a file."""

from __future__ import annotations

import ast
import importlib.metadata
import io
import re
import subprocess
import sys
import tokenize
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import visualizer

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
FOLDERS = (".ci", "benchmarks", "resources", "tests", "visualizer")
BINARY = {".png", ".otf", ".ttf", ".ico", ".icns"}


def own_files() -> list[Path]:
    """Every file of the project that a person wrote: not what tools leave behind."""
    found = [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]
    for folder in FOLDERS:
        found += [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return found


def texts() -> list[tuple[Path, str]]:
    return [
        (path.relative_to(ROOT), path.read_text(encoding="utf-8"))
        for path in own_files() if path.suffix not in BINARY
    ]


def requirements() -> list[Requirement]:
    lines = [*PROJECT["dependencies"], *(line for extra in PROJECT["optional-dependencies"].values() for line in extra)]
    return [Requirement(line) for line in lines]


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line.strip() and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def test_the_version_stands_in_one_place_and_is_the_installed_one() -> None:
    assert "version" not in PROJECT
    assert PROJECT["dynamic"] == ["version"]
    assert importlib.metadata.version("visualizer") == visualizer.__version__


def test_the_changelog_has_an_entry_for_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", changelog, re.MULTILINE)
    assert releases[0] == visualizer.__version__


def test_every_requirement_is_pinned_at_a_version_that_its_range_allows() -> None:
    pinned = pins()
    for requirement in requirements():
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        version = pinned[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement} does not allow the tested {version}"


def test_this_environment_is_the_one_that_the_constraints_describe() -> None:
    """Otherwise the tests say nothing about what constraints.txt promises."""
    different = {}
    for name, version in pins().items():
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            installed = "missing"
        if installed.partition("+")[0] != version:
            different[name] = (version, installed)
    assert not different


def test_everything_that_the_program_needs_at_run_time_is_pinned() -> None:
    """Walks the installed packages' own requirements from the program's on."""
    waiting = requirements()
    seen: set[str] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in seen or (requirement.marker is not None and not requirement.marker.evaluate({"extra": ""})):
            continue
        seen.add(name)
        waiting += [Requirement(line) for line in importlib.metadata.requires(name) or ()]
    assert seen - pins().keys() == set()


def test_the_pyside_that_loses_references_to_none_is_excluded_where_it_does() -> None:
    """PySide6 6.12.0 on Python 3.11 ends in "none_dealloc" after some thousand void calls."""
    allowed = {
        python: any(
            requirement.specifier.contains("6.12.0")
            for requirement in requirements()
            if requirement.name == "PySide6-Essentials"
            and (requirement.marker is None or requirement.marker.evaluate({"python_version": python}))
        )
        for python in ("3.11", "3.12")
    }
    assert allowed == {"3.11": False, "3.12": True}


def test_no_file_names_a_path_of_one_machine() -> None:
    machine_path = re.compile(r"(?:^|[^A-Za-z0-9_.])/(?:work|farm|root|home/\w+)/")
    found = [
        f"{path}:{number}" for path, text in texts()
        for number, line in enumerate(text.splitlines(), start=1) if machine_path.search(line)
    ]
    assert not [place for place in found if not place.startswith("tests/test_project.py:")]


def test_the_product_makes_no_promises_in_its_comments() -> None:
    promise = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")
    found = [
        f"{path}:{number}" for path, text in texts()
        if path.parts[0] in {"visualizer", "benchmarks", ".ci"}
        for number, line in enumerate(text.splitlines(), start=1) if promise.search(line)
    ]
    assert not found


def lines_of_code(text: str) -> int:
    """Lines that hold code: not those that are blank, comment or docstring."""
    aside = {
        tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
    }
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in aside:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if documented and ast.get_docstring(node) is not None:
            first = node.body[0]
            lines.difference_update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return len(lines)


def test_lines_of_code_are_counted_without_what_explains_them() -> None:
    text = '"""Module."""\n\n# why\nx = (\n    1\n)\n\n\ndef f():\n    """Two\n    lines."""\n    return x\n'
    assert lines_of_code(text) == 5


def test_no_module_of_the_product_has_more_than_400_lines_of_code() -> None:
    sizes = {
        str(path): lines_of_code(text) for path, text in texts()
        if path.parts[0] == "visualizer" and path.suffix == ".py"
    }
    assert len(sizes) > 50
    assert {path: size for path, size in sizes.items() if size > 400} == {}


def test_every_folder_of_the_package_is_a_package() -> None:
    """A folder without __init__.py would be left out of type checks and import contracts."""
    folders = {path.parent for path in own_files() if path.suffix == ".py" and ROOT / "visualizer" in path.parents}
    assert not [folder for folder in folders if not (folder / "__init__.py").exists()]


def test_every_benchmark_is_described() -> None:
    described = re.findall(r"^\| `(\w+)` \|", (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    there = [path.stem for path in (ROOT / "benchmarks").glob("*.py") if not path.name.startswith("_")]
    assert sorted(described) == sorted(there)


def test_a_benchmark_that_does_not_exist_is_refused_with_the_names_that_do() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "nothing"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "start_up" in done.stderr
