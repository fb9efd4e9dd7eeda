"""An encoder's card: where its facts come from, which place counts first, and what is said of a broken one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from safetensors.torch import save_file

from hear_audiomosaic.audiomosaic.encoder import AudioMosaicEncoder, get_size
from hear_audiomosaic.cli import main
from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear import EncoderCard, EncoderRef, Paper, load_encoder
from hear_audiomosaic.hear.card import find_card, library_cards, read_card
from hear_audiomosaic.hear.describe import describe_encoder

METHODS = ["audiomosaic", "hear_audiomosaic", "msm-mae", "aasp", "adversarial-negatives"]
PAPER = {"title": "Hearing", "authors": ["Ear, Ada", "others"], "year": 2020, "url": "https://example.org/hearing"}


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "mine.safetensors"
    save_file(AudioMosaicEncoder(get_size("micro"), window_frames=208).state_dict(), path)
    return path


def module(**attributes: object) -> ModuleType:
    made = ModuleType("a_strangers_encoder")
    made.__dict__.update(attributes)
    return made


@pytest.mark.parametrize("name", METHODS)
def test_our_methods_say_what_they_are_and_what_they_are_not(name: str) -> None:
    card = load_encoder(name).card
    assert card is not None
    assert card.paper is not None
    assert card.paper.arxiv in card.citation
    assert "not the paper's model" in card.note
    assert "licences listed" in card.licence
    assert not isinstance(card.training_data, str)
    assert {one.name for one in card.training_data} >= {"esc50", "fsdd"}
    assert all(one.licences for one in card.training_data)
    assert card.extra["n_steps"] > 0
    assert EncoderCard.model_validate_json(card.model_dump_json()) == card
    assert library_cards()[name.removeprefix("hear_")].paper == card.paper


def test_random_weights_have_no_training_data() -> None:
    card = load_encoder("aasp:random:micro").card
    assert card is not None
    assert (card.weights, card.training_data, card.licence) == ("random, untrained", "", "")


def test_the_file_beside_the_weights_counts_before_the_module(weights: Path) -> None:
    facts = {"title": "Mine", "license": "CC-BY-4.0", "training_data": "a year of radio", "epochs": 3}
    weights.with_suffix(".json").write_text(json.dumps(facts))
    card = load_encoder(f"hear_audiomosaic:{weights}").card
    assert card is not None
    assert (card.title, card.licence, card.training_data) == ("Mine", "CC-BY-4.0", "a year of radio")
    assert card.extra == {"epochs": 3}
    assert card.paper is not None  # the module's: the file names none
    assert card.paper.arxiv == "2605.14231"


def test_an_attribute_of_the_module() -> None:
    ref = EncoderRef("a_strangers_encoder")
    stated = {"title": "A stranger's", "paper": PAPER, "window_s": 2}
    card = find_card(ref, module(encoder_card=stated))
    assert card == find_card(ref, module(encoder_card=EncoderCard.model_validate(stated)))
    assert card is not None
    assert card.extra == {"window_s": 2}
    assert card.citation.splitlines()[0] == "@misc{ear2020,"
    assert "eprint" not in card.citation
    assert "url = {https://example.org/hearing}" in card.citation
    assert find_card(ref, module()) is None


def test_the_package_that_registers_it_is_the_last_resort() -> None:
    card = find_card(EncoderRef("logmel"), module())
    assert card is not None
    assert (card.title, card.licence) == ("hear_audiomosaic", "Apache-2.0")


def test_own_bibtex_counts_before_the_papers() -> None:
    card = EncoderCard(paper=Paper(title="Hearing"), bibtex="\n@article{mine, title = {Mine}}\n\n")
    assert card.citation == "@article{mine, title = {Mine}}\n"
    assert EncoderCard().citation == ""
    assert EncoderCard(paper=Paper(title="Hearing well")).citation.startswith("@misc{hearing,")


@pytest.mark.parametrize(("text", "field"), [
    ('{"title": 3}', "title"),
    ('{"paper": {"year": 2020}}', r"paper\.title"),
    ('{"paper": {"title": "a", "yeer": 1}}', r"paper\.yeer"),
    ('{"training_data": [{"licences": ["CC0"]}]}', r"training_data"),
    ('{"extra": 1}', "extra"),
    ("[1]", "the whole"),
    ("{", "cannot be read"),
])  # fmt: skip
def test_a_broken_card_is_one_error_that_names_file_and_field(weights: Path, text: str, field: str) -> None:
    path = weights.with_suffix(".json")
    path.write_text(text)
    with pytest.raises(EncoderError, match=rf"mine\.json.*{field}"):
        read_card(path)
    with pytest.raises(EncoderError, match=rf"mine\.json.*{field}"):
        load_encoder(f"hear_audiomosaic:{weights}")


def test_a_broken_attribute_is_named() -> None:
    with pytest.raises(EncoderError, match=r"a_strangers_encoder\.encoder_card.*note"):
        find_card(EncoderRef("a"), module(encoder_card={"note": 1}))


def test_shown_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    facts = describe_encoder("msm-mae:random:micro")
    with pytest.raises(SystemExit) as done:
        main(["encoders", "show", "msm-mae:random:micro", "--json"])
    assert not done.value.code
    assert json.loads(capsys.readouterr().out) == facts
    assert facts["card"]["paper"]["arxiv"] == "2204.12260"
    assert (facts["sample_rate_hz"], facts["scene_embedding_size"], len(facts["fingerprint"])) == (16000, 960, 64)
    with pytest.raises(SystemExit):
        main(["encoders", "show", "msm-mae"])
    text = capsys.readouterr().out
    for part in ("licence ", "esc50 (CC0, CC-BY)", "not the paper's model", "n_parameters ", "@misc{msm_mae,"):
        assert part in text


def test_cards_are_read_without_torch() -> None:
    code = (
        "import sys; from hear_audiomosaic.hear import EncoderCard, EncoderRef, registered_encoders; "
        "from hear_audiomosaic.results.cards import cards_of; assert len(cards_of([])) == 0; "
        "from hear_audiomosaic.hear.card import library_cards; assert len(library_cards()) == 4; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
