"""Run the steps of a Dockerfile on machines of this test: what is needed of the format, no more."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tests.install.machine import Machine


@dataclass(slots=True)
class Image:
    """A stage that was built: its files, and what it says about running it."""

    machine: Machine
    folder: str = "/"
    user: int = 0
    environ: dict[str, str] = field(default_factory=dict)
    volumes: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)


def build(dockerfile: Path, context: Path, base: Callable[[str], Machine]) -> Image:
    """Run each step; return the last stage. `base` makes a machine of the image that a stage begins with."""
    stages: dict[str, Image] = {}
    image: Image | None = None
    for instruction, argument in _instructions(dockerfile.read_text("utf-8")):
        if instruction == "FROM":
            name, _, stage = argument.partition(" AS ")
            image = stages[stage] = Image(machine=base(name))
            continue
        assert image, "FROM comes first"
        _step(image, instruction, argument, context, stages)
    assert image
    return image


def _step(image: Image, instruction: str, argument: str, context: Path, stages: dict[str, Image]) -> None:
    match instruction:
        case "RUN":
            image.machine.do(argument, user=image.user, folder=image.folder, environ=image.environ)
        case "COPY":
            *sources, target = argument.split()
            place = image.machine.path(str(PurePosixPath(image.folder, target)))
            if sources[0].startswith("--from="):
                stage = stages[sources[0].removeprefix("--from=")]
                shutil.copytree(stage.machine.path(sources[1]), place, symlinks=True)
            else:
                _copy(context, sources, place)
        case "WORKDIR":
            image.folder = argument
            image.machine.path(argument).mkdir(parents=True, exist_ok=True)
        case "ENV":
            image.environ |= dict(_variables(argument, image))
        case "USER":
            image.user = int(argument.partition(":")[0])
        case "VOLUME":
            image.volumes = json.loads(argument)
        case "HEALTHCHECK":
            image.health = json.loads(argument.partition("CMD ")[2])
        case "ENTRYPOINT":
            image.entrypoint = json.loads(argument)
        case "CMD":
            image.command = json.loads(argument)
        case _:
            raise AssertionError(f"{instruction}: nobody here knows this step")


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    for line in joined.splitlines():
        if line:
            instruction, _, argument = line.partition(" ")
            yield instruction, argument


def _variables(argument: str, image: Image) -> Iterator[tuple[str, str]]:
    for pair in argument.split():
        name, _, value = pair.partition("=")
        yield name, value.replace("$PATH", image.machine.environ["PATH"])


def _copy(context: Path, sources: list[str], place: Path) -> None:
    for source in sources:
        for file in (
            sorted((context / source).rglob("*")) if (context / source).is_dir() else [context / source]
        ):
            name = file.relative_to(context).as_posix()
            if file.is_file() and is_sent(name, (context / ".dockerignore").read_text("utf-8")):
                target = place / file.relative_to(context / source) if source != name else place
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target)


def is_sent(name: str, dockerignore: str) -> bool:
    """Return whether a file is part of the context: the last pattern that matches it, or a directory above, decides."""
    sent = True
    path = PurePosixPath(name)
    for line in dockerignore.splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = re.compile(_as_regex(line.removeprefix("!")))
        if any(pattern.fullmatch(str(part)) for part in (path, *path.parents)):
            sent = line.startswith("!")
    return sent


def _as_regex(pattern: str) -> str:
    return re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
