"""The rules of the code base as tests: layers, cold commands, forbidden calls, sizes, choices that say why."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from cnnwiz.catalog import PARTS, SECTIONS, find
from cnnwiz.catalog.choice import Choice, Part
from cnnwiz.cli.app import program
from cnnwiz.spec.document import Data, Defaults, Model, Spec, Training, Validation
from cnnwiz.spec.phase import Phase

PACKAGE = Path(__file__).parents[1] / "cnnwiz"
MODULES = sorted(PACKAGE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}

# From the bottom up; a package may import those below its own row. Names in one row do not import each other.
ROWS = [
    {"errors", "text", "amounts"},
    {"knowledge"},
    {"catalog"},
    {"spec"},
    {"graph"},
    {"rules"},
    {"decisions"},
    {"nn"},
    {"data"},
    {"training"},
    {"evaluation"},
    {"prediction"},
    {"exports", "report", "studies"},
    {"serve"},
    {"cli"},
    {"__main__", "__init__"},
]
RANK = {name: rank for rank, row in enumerate(ROWS) for name in row}
COLD_LIBRARIES = {
    "errors": set(),
    "text": set(),
    "amounts": set(),
    "knowledge": {"yaml"},
    "catalog": {"pydantic"},
    "spec": {"pydantic", "annotated_types", "yaml"},
    "graph": set(),
    "rules": set(),
    "decisions": {"pydantic"},
    "cli": {"typer"},
    "__main__": set(),
    "__init__": set(),
}
"""What modules that must start fast may import outside of functions, beside the standard library."""

COLD_COMMANDS = {
    "summary": ["SPEC"],
    "schema": [],
    "explain": ["elu"],
    "templates": [],
    "lint": ["SPEC"],
    "rules": [],
    "new": ["--defaults", "--output", "-"],
}
HEAVY = {"torch", "torchvision", "numpy", "PIL", "sklearn", "safetensors", "questionary", "prompt_toolkit"}
COMMANDS = sorted(str(command.name) for command in program().registered_commands)
CHOICES = [choice for section in SECTIONS for choice in section.choices] + list(PARTS)
FIXED_PARTS: list[type[Part]] = [Spec, Data, Validation, Model, Defaults, Training, Phase]


class Import(NamedTuple):
    module: str
    function: str  # innermost function it stands in, "" at module level
    typing_only: bool


def imports_of(tree: ast.AST, function: str = "", typing_only: bool = False) -> Iterator[Import]:
    """Every import, with where it stands."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, function, typing_only) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield Import(full if is_module(full) else str(node.module), function, typing_only)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from imports_of(node, node.name, typing_only)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from imports_of(node, function, True)
        else:
            yield from imports_of(node, function, typing_only)


def is_module(dotted: str) -> bool:
    path = PACKAGE.parent.joinpath(*dotted.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def package_of(path: Path) -> str:
    """The row's name: the folder, or the file for modules at the top."""
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def relative(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def is_leaf(module: str) -> bool:
    """Modules that methods of the catalogue may import, when they are called, although they are above it."""
    leaves = (
        "cnnwiz.nn.detection",
        "cnnwiz.nn.input",
        "cnnwiz.nn.layers",
        "cnnwiz.nn.losses",
        "cnnwiz.training.kfac",
        "cnnwiz.training.adahessian",
        "cnnwiz.training.eager",
    )
    return module in leaves or module.startswith("cnnwiz.data.")


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_imports_point_down(path):
    package = package_of(path)
    for found in imports_of(TREES[path]):
        parts = found.module.split(".")
        if parts[0] != "cnnwiz":
            continue
        target = parts[1] if len(parts) > 1 else "version"
        if target in ("version", package):
            continue
        if package == "catalog" and is_leaf(found.module) and (found.function or found.typing_only):
            continue
        if package == "rules" and is_leaf(found.module) and found.typing_only:  # what a method of the catalogue returns
            continue
        assert RANK[target] < RANK[package], f"{relative(path)} imports {found.module}, which is not below it"


def catalog_leaves() -> list[Path]:
    """The modules above the catalogue that its methods import."""
    trees = [tree for path, tree in TREES.items() if package_of(path) == "catalog"]
    found = {i.module for tree in trees for i in imports_of(tree) if i.function and is_leaf(i.module)}
    return [PACKAGE.parent.joinpath(*module.split(".")).with_suffix(".py") for module in sorted(found)]


@pytest.mark.parametrize("path", catalog_leaves(), ids=relative)
def test_leaves_import_nothing_of_ours_but_errors_and_leaves(path):
    for found in imports_of(TREES[path]):
        if found.module.startswith("cnnwiz") and not found.typing_only:
            assert found.module == "cnnwiz.errors" or is_leaf(found.module), f"{relative(path)}: {found.module}"


@pytest.mark.parametrize("path", [p for p in MODULES if package_of(p) in COLD_LIBRARIES], ids=relative)
def test_cold_modules_import_only_light_libraries(path):
    package = package_of(path)
    for found in imports_of(TREES[path]):
        library = found.module.split(".")[0]
        if library in sys.stdlib_module_names or library == "cnnwiz" or found.typing_only:
            continue
        if not (found.function and package in ("catalog", "cli")):
            assert library in COLD_LIBRARIES[package], f"{relative(path)} imports {library}"


@pytest.mark.parametrize(("library", "file"), [("rich", "cli/console.py"), ("prompt_toolkit", "cli/prompts.py")])
def test_one_file_knows_the_terminal_library(library, file):
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path, tree in TREES.items()
        for found in imports_of(tree)
        if found.module.split(".")[0] == library
    }
    assert users <= {file}


FORBIDDEN_IMPORTS = {"pickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "imp"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_FUNCTIONS = {
    "torch.load",
    "torch.jit.load",
    "torch.export.load",
    "torch.hub.load",
    "torch.distributed.checkpoint.load",
    "yaml.unsafe_load",
    "yaml.full_load",
    "os.system",
    "os.popen",
    "torchvision.io.decode_image",
    "torchvision.io.read_image",
}


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_nothing_runs_code_from_files(path):
    for found in imports_of(TREES[path]):
        assert not FORBIDDEN_IMPORTS & set(found.module.split(".")), f"{relative(path)} imports {found.module}"
    for call in (node for node in ast.walk(TREES[path]) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        where = f"{relative(path)}:{call.lineno}: {name}"
        keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert name not in FORBIDDEN_CALLS | FORBIDDEN_FUNCTIONS, where
        assert keywords.get("shell", "False") == "False", where
        if name in ("np.load", "numpy.load"):
            assert keywords.get("allow_pickle") == "False", f"{where} must say allow_pickle=False"
        if name == "yaml.load":
            assert "SafeLoader" in keywords.get("Loader", ""), f"{where} needs a safe loader"


LONG_FUNCTIONS = {"training/loop.py:fit": 130}
"""Training reads from top to bottom in one function, in the order one would explain it."""


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_files_and_functions_stay_small(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300
    assert ast.get_docstring(TREES[path]), "the first line says what lives here"
    for node in ast.walk(TREES[path]):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= LONG_FUNCTIONS.get(f"{relative(path)}:{node.name}", 60), f"{node.name}: {length} lines"


CHECK = """
import io, json, sys
from contextlib import redirect_stdout
from cnnwiz.__main__ import main
status = 0
with redirect_stdout(io.StringIO()):
    try:
        main(json.loads(sys.argv[1]))
    except SystemExit as stop:
        status = stop.code or 0
print(json.dumps([status, sorted({name.split(".")[0] for name in sys.modules})]))
"""


@pytest.mark.parametrize("command", ["--version", "--help", *(name for name in COMMANDS if name in COLD_COMMANDS)])
def test_cold_commands_stay_cold(command, spec_file):
    arguments = [command, *(str(spec_file) if word == "SPEC" else word for word in COLD_COMMANDS.get(command, []))]
    process = [sys.executable, "-c", CHECK, json.dumps(arguments)]
    output = subprocess.run(process, capture_output=True, text=True, check=True, timeout=60).stdout
    status, loaded = json.loads(output)
    assert status == 0
    heavy = HEAVY - {"questionary", "prompt_toolkit"} if command == "new" else HEAVY
    assert not heavy & set(loaded)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_is_cold_and_documented(command):
    process = [sys.executable, "-c", CHECK, json.dumps([command, "--help"])]
    output = subprocess.run(process, capture_output=True, text=True, check=True, timeout=60).stdout
    status, loaded = json.loads(output)
    assert status == 0
    assert not HEAVY & set(loaded)
    declared = next(c for c in program().registered_commands if c.name == command)
    assert declared.callback is not None
    assert declared.callback.__doc__


@pytest.fixture
def spec_file(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text("cnnwiz: 1\nmodel:\n  layers:\n    - conv: {channels: 8}\n    - conv: {channels: 8}\n")
    return path


def choice_id(choice: type[Choice]) -> str:
    return f"{choice.section}.{choice.key}"


@pytest.mark.parametrize("choice", CHOICES, ids=choice_id)
def test_every_choice_explains_itself(choice):
    card = choice.card()
    assert set(card) == {"what", "use", "avoid", "cost"}
    assert all(text.endswith(".") and len(text) > 5 for text in card.values())


@pytest.mark.parametrize("path", [p for p in MODULES if package_of(p) == "catalog"], ids=relative)
def test_annotations_of_choices_are_no_strings_to_evaluate(path):
    assert not [found for found in imports_of(TREES[path]) if found.module == "__future__"]


@pytest.mark.parametrize("choice", CHOICES, ids=choice_id)
def test_every_citation_and_conflict_exists(choice):
    from cnnwiz.knowledge import everything

    assert set(choice.evidence) <= set(everything())
    for other, reason in choice.conflicts.items():
        assert find(other), f"{other} is no choice"
        assert reason


@pytest.mark.parametrize("part", [*CHOICES, *FIXED_PARTS], ids=lambda part: part.__name__)
def test_every_field_is_described(part):
    for name, field in part.model_fields.items():
        assert field.description, f"{part.__name__}.{name}"


def test_names_are_unique_within_a_section():
    names = [choice_id(choice) for choice in CHOICES]
    assert len(names) == len(set(names))
