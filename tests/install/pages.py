"""Read the commands and the edits of config.toml out of docs/guide/install.md."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.install.checkout import ROOT

PAGE, CHINESE = ROOT / "docs/guide/install.md", ROOT / "docs/guide/install.zh-CN.md"
_PART = re.compile(r"^(#+ [^\n]+)$|^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Commands:
    """Lines for the shell."""

    script: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Options that are to be written into a file, in place of what stands there."""

    file: str  # as the page names it
    text: str

    def applied_to(self, config: str) -> str:
        """Return a config.toml with these options, edited as a person would: each line by its key."""
        tomllib.loads(self.text)
        table = ""
        for line in self.text.splitlines():
            if line.startswith("["):
                table = line
            elif line:
                key = line.partition(" = ")[0]
                start = config.index(f"\n{table}\n")
                there = re.compile(rf"^{key} = [^#\n]*", re.MULTILINE).search(config, start)
                assert there, f"{table} {key} is not in the file"
                config = f"{config[: there.start()]}{line} {config[there.end() :]}"
        return config


def sections(page: Path) -> dict[str, list[Commands | Edit]]:
    """Return what is to be done by each section of a page, under its heading."""
    found: dict[str, list[Commands | Edit]] = {}
    heading = ""
    for title, kind, body in _PART.findall(page.read_text("utf-8")):
        if title:
            heading = title.lstrip("# ")
            continue
        steps = found.setdefault(heading, [])
        if kind == "toml":
            first, _, text = body.partition("\n")
            steps.append(Edit(first.removeprefix("# "), text))
        else:
            assert kind == "sh", f"a block of {kind} is followed by nobody"
            steps.append(Commands(body))
    return found
