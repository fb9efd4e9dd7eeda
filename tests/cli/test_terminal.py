"""Nothing in a result, a name, an error or a log commands the terminal."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import fake_results as fake
import pytest

from hear_audiomosaic.cli import main
from hear_audiomosaic.cli._common import print_facts, print_table, say
from hear_audiomosaic.printable import printable

EVIL = "a\x1b]0;owned\x07\x9b31m\r\u202eb"
SHOWN = r"a\u001b]0;owned\u0007\u009b31m\u000d\u202eb"


def commands(text: str) -> list[str]:
    return [one for one in text if (ord(one) < 32 and one not in "\n\t") or 127 <= ord(one) < 160 or one == "\u202e"]


def test_controls_are_written_out_and_words_are_not() -> None:
    assert printable(EVIL) == SHOWN
    assert printable("Ünïcode ± 0.3 →\n\t日本") == "Ünïcode ± 0.3 →\n\t日本"
    assert json.loads(printable(json.dumps(EVIL, ensure_ascii=False))) == EVIL


@pytest.mark.parametrize("words", [["status"], ["status", "--json"], ["compare", "a", "b"], ["report"]])
def test_commands_on_results(tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    one, other = fake.encoder("a", EVIL), fake.encoder("b", "b")
    task = fake.task("t", 0.5).model_copy(update={"name": EVIL})
    fake.save(tmp_path / "r", fake.success(one, task, [0.5]), fake.success(other, task, [0.25]))
    fake.save(tmp_path / "r", fake.failure(one, fake.task("u", 0.5), EVIL))
    (tmp_path / "r" / f"{EVIL.replace('/', '')}.json").write_text("{}", encoding="utf-8")
    end = ["--out", str(tmp_path / EVIL)] if words == ["report"] else []
    with pytest.raises(SystemExit):
        main([words[0], str(tmp_path / "r"), *words[1:], *end])
    out, err = capsys.readouterr()
    assert commands(out + err) == []
    assert r"\u001b" in out + err


def test_errors_and_encoders(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["encoders", "show", EVIL], ["status", EVIL]):
        with pytest.raises(SystemExit):
            main(words)
    print_table([{EVIL: EVIL + "\nb"}], as_json=False)
    print_facts({EVIL: [EVIL]}, as_json=False)
    print_facts({EVIL: [EVIL]}, as_json=True)
    say(EVIL)
    out, err = capsys.readouterr()
    assert commands(out + err) == []
    assert len(out.splitlines()) == 2 + 1 + 5  # a table, a fact, the same as JSON


def test_logs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    with pytest.raises(SystemExit):
        main(["--version"])
    logging.getLogger("hear_audiomosaic").warning("clip %s", EVIL)
    err = capsys.readouterr().err
    assert SHOWN in err
    assert commands(err) == []
