"""Write the second half of docs/map.md: every file with the first line of its docstring or first comment."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
MAP = ROOT / "docs" / "map.md"
MARK = "## Every file\n"
_FOLDERS = ("monitor", "templates", "bench")
_COMMENT = re.compile(r"\{#-?\s*(.*?)\s*-?#\}", re.DOTALL)


def make_map() -> str:
    """Return the text of docs/map.md: its first half as it is, the list of files made anew."""
    first_half = MAP.read_text("utf-8").partition(MARK)[0]
    lines = [MARK, "Made by `make map` from the first line of each file.", ""]
    for folder in _folders():
        files = sorted(file for file in folder.iterdir() if file.suffix in (".py", ".j2", ".po", ".toml"))
        rows = [f"| `{file.name}` | {first_line(file)} |" for file in files if file.name != "__init__.py"]
        if not rows:
            continue
        package = folder / "__init__.py"
        lines += [f"### {folder.relative_to(ROOT).as_posix()}/", ""]
        lines += [first_line(package), ""] if package.is_file() else []
        lines += ["| file | what it does |", "| --- | --- |", *rows, ""]
    return first_half + "\n".join(lines)


def _folders() -> list[Path]:
    folders = [ROOT / name for name in _FOLDERS]
    folders += [path for folder in folders for path in folder.rglob("*") if path.is_dir()]
    return sorted(
        folder for folder in folders if "__pycache__" not in folder.parts and "_assets" not in folder.parts
    )


def first_line(file: Path) -> str:
    """Return the statement at the top of a file: of its docstring, its template comment, or its first remark."""
    text = file.read_text("utf-8")
    if file.suffix == ".py":
        return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
    if file.suffix == ".j2":
        comment = _COMMENT.search(text)
        return " ".join(comment[1].split()).partition(". ")[0].rstrip(".") + "." if comment else ""
    return text.partition("\n")[0].lstrip("# ").strip() if text.startswith("#") else ""


if __name__ == "__main__":
    MAP.write_text(make_map(), "utf-8")
