"""Write docs/map.md: every file of monitor/ with the sentence on its door."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
MAP = ROOT / "docs" / "map.md"


def make_map() -> str:
    """The text of docs/map.md."""
    lines = ["# Where is what", "", "Made by `make map` from the first line of each module's docstring.", ""]
    for folder in [
        ROOT / "monitor",
        *sorted(path for path in (ROOT / "monitor").rglob("*") if path.is_dir()),
    ]:
        files = sorted(folder.glob("*.py"))
        if not files or "migrations" in folder.parts:
            continue
        name = folder.relative_to(ROOT).as_posix()
        lines += [f"## {name}/", "", "| file | what happens there |", "| --- | --- |"]
        lines += [f"| `{file.name}` | {_door(file)} |" for file in files]
        lines += [""]
    return "\n".join(lines)


def _door(file: Path) -> str:
    return (ast.get_docstring(ast.parse(file.read_text("utf-8"))) or "").partition("\n")[0]


if __name__ == "__main__":
    MAP.write_text(make_map(), "utf-8")
