"""An encoder's card: what it is called, under which licence, whom to cite, what it was trained on, what it is not.

A card is put together from up to three places, the first that states a fact counting:

1. the JSON file beside the weights (``weights.json`` beside ``weights.safetensors``),
2. the attribute ``encoder_card`` of the HEAR module, a mapping or an :class:`EncoderCard`,
3. and where neither is there, the metadata of the installed package that registers the encoder.

Nothing here imports torch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import EntryPoint, PackageMetadata, entry_points
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear.reference import EncoderRef
from hear_audiomosaic.hear.registry import ENTRY_POINT_GROUP
from hear_audiomosaic.parsing import faults, parse_json
from hear_audiomosaic.reading import read_file

__all__ = ["CARD_FILE", "EncoderCard", "Paper", "TrainingSet", "find_card", "library_cards", "read_card"]

CARD_FILE = "encoder_card.json"
"""Where this project's methods keep their card, beside their ``__init__.py``."""
_DISTRIBUTION = "hear-audiomosaic"


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Paper(_Facts):
    """A publication.

    Attributes:
        title: without final full stop.
        authors: each ``Family, Given``; ``others`` for those not named; empty where they are not known for certain.
        year: of publication.
        arxiv: identifier, such as 2203.03022.
        url: where it can be read; arXiv's page where there is an identifier.
        note: venue, series.
        key: of its BibTeX entry; made up from author or title, and year, where there is none.
    """

    title: str
    authors: tuple[str, ...] = ()
    year: int | None = None
    arxiv: str = ""
    url: str = ""
    note: str = ""
    key: str = ""

    @property
    def link(self) -> str:
        """URL of the paper; empty where none is known."""
        return self.url or (f"https://arxiv.org/abs/{self.arxiv}" if self.arxiv else "")

    def bibtex(self) -> str:
        """One BibTeX entry, ending in a line feed."""
        name = self.authors[0].partition(",")[0] if self.authors else self.title.partition(" ")[0]
        key = self.key or re.sub(r"\W+", "", f"{name}{self.year or ''}").lower()
        fields = {
            "title": f"{{{self.title}}}",
            "author": " and ".join(self.authors),
            "year": self.year and str(self.year),
            "eprint": self.arxiv,
            "archivePrefix": self.arxiv and "arXiv",
            "url": self.link,
            "note": self.note,
        }
        lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
        return "\n".join([f"@misc{{{key},", *lines, "}", ""])


class TrainingSet(_Facts):
    """A set of recordings that an encoder was trained on; other facts are kept as they are."""

    model_config = ConfigDict(frozen=True, extra="allow", ser_json_inf_nan="strings")

    name: str
    licences: tuple[str, ...] = Field(default=(), validation_alias=AliasChoices("licences", "licenses"))

    @field_validator("licences", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, Mapping) else value  # clips by licence


class EncoderCard(_Facts):
    """What an encoder is. No field must be there.

    Attributes:
        title: name for readers.
        licence: of the weights and the code.
        paper: the publication that describes it.
        bibtex: entries to be cited, where they are not that of ``paper``.
        training_data: what the weights were trained on: a text, or sets with their licences.
        note: what it is not, or must not be taken for.
        weights: where the weights come from.
        extra: all other facts that were given, as JSON.
    """

    title: str = ""
    licence: str = Field(default="", validation_alias=AliasChoices("licence", "license"))
    paper: Paper | None = None
    bibtex: str = ""
    training_data: str | tuple[TrainingSet, ...] = ""
    note: str = ""
    weights: str = ""
    extra: dict[str, Any] = {}

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    @model_validator(mode="before")
    @classmethod
    def _keep_unknown(cls, facts: Any) -> Any:
        """Unknown facts become ``extra``; ``data`` (facts by set, as our own weights files have it) training data."""
        if not isinstance(facts, Mapping) or not isinstance(facts.get("extra", {}), Mapping):
            return facts
        known = {**facts}
        extra = {**known.pop("extra", {})}
        data = known.get("data")
        if "training_data" not in known and isinstance(data, Mapping) and all(map(_is_mapping, data.values())):
            known["training_data"] = [{"name": name, **known["data"][name]} for name in data]
            del known["data"]
        for name in known.keys() - cls.model_fields.keys() - {"license"}:
            extra[name] = known.pop(name)
        return {**known, "extra": {name: extra[name] for name in sorted(extra, key=str)}}

    @property
    def citation(self) -> str:
        """BibTeX to be cited, ending in a line feed; empty where nothing is known."""
        if self.bibtex.strip():
            return self.bibtex.strip() + "\n"
        return self.paper.bibtex() if self.paper else ""

    def completed_by(self, other: EncoderCard | None) -> EncoderCard:
        """This card, with what it does not state taken from another."""
        if other is None:
            return self
        missing = {name: getattr(other, name) for name in type(self).model_fields if not getattr(self, name)}
        return self.model_copy(update=missing)


def read_card(path: Path) -> EncoderCard:
    """Read a card from a JSON file.

    Raises:
        EncoderError: the file cannot be read, or a field is wrong; both are named.
    """
    facts = read_file(path, parse_json, EncoderError, "an encoder's card", "mend it or take it away")
    return _card(facts, str(path))


def find_card(
    ref: EncoderRef, module: ModuleType, weights_path: Path | None = None, untrained: bool = False
) -> EncoderCard | None:
    """The card of a loaded encoder.

    Args:
        ref: the reference that it was loaded by.
        module: its HEAR module.
        weights_path: the file that its weights were read from, where that is known; else the reference's, if it is a
            file.
        untrained: whether its weights are random, and no file's.

    Returns:
        The card; None where nothing is stated anywhere.

    Raises:
        EncoderError: a card that is there is broken; its place and the field are named.
    """
    stated = getattr(module, "encoder_card", None)
    card = None if stated is None else _card(stated, f"{module.__name__}.encoder_card")
    if weights_path is None and ref.weights and Path(ref.weights).is_file():
        weights_path = Path(ref.weights)
    beside = weights_path.with_suffix(".json") if weights_path else None
    if untrained:
        return card and card.model_copy(update={"weights": "random, untrained", "training_data": ""})
    if beside is not None and beside != weights_path and beside.is_file():
        card = read_card(beside).completed_by(card)
    return card or _from_metadata(ref.name)


def library_cards() -> dict[str, EncoderCard]:
    """Cards of the methods that come with this library, by registered name, read without importing them."""
    cards = {}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        if point.dist is not None and re.sub(r"[-_.]+", "-", point.dist.name).lower() == _DISTRIBUTION:
            folder = _folder(point)
            if folder is not None and (folder / CARD_FILE).is_file():
                cards[point.name] = read_card(folder / CARD_FILE)
    return cards


def _folder(point: EntryPoint) -> Path | None:
    try:
        spec = find_spec(point.value)
    except ImportError:
        return None
    places = spec.submodule_search_locations if spec else None
    return Path(places[0]) if places else None


def _card(facts: Any, source: str) -> EncoderCard:
    try:
        return EncoderCard.model_validate(facts)
    except ValidationError as error:
        raise EncoderError(f"{source} is not an encoder's card: {faults(error)}.") from error


def _from_metadata(name: str) -> EncoderCard | None:
    points = [point for point in entry_points(group=ENTRY_POINT_GROUP) if point.name == name]
    if not points or points[0].dist is None:
        return None
    metadata: PackageMetadata = points[0].dist.metadata

    def field(*names: str) -> str:
        stated = (str(metadata[one]) for one in names if one in metadata)
        return next(filter(None, stated), "")

    return EncoderCard(
        title=field("Name"),
        licence=field("License-Expression", "License"),
        note=field("Summary"),
        weights=f"of the installed package {field('Name')} {field('Version')}",
    )


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)
