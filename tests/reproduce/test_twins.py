"""Trained encoders beside their twins, whichever way round the report has the pair."""

from __future__ import annotations

import csv
from pathlib import Path

from hear_audiomosaic.reproduce.controlled.twins import headline, write_twins

PAIRS = """protocol,task,score_name,higher_is_better,a,b,a_ref,b_ref,difference,low,high,level,p_holm
logistic,birds,top1_acc,true,m,m?,m:w,m:random:micro,0.25,0.125,0.5,0.95,0.01
logistic,bells,top1_acc,true,m?,m,m:random:micro,m:w,0.125,-0.25,0.5,0.95,0.5
logistic,drums,segment_1s_er,false,m,m?,m:w,m:random:micro,-0.5,-0.75,-0.25,0.95,0.01
logistic,horns,top1_acc,true,m,m?,m:w,m:random:micro,-0.25,-0.5,-0.125,0.95,0.0499
logistic,steps,top1_acc,true,m,m?,m:w,m:random:micro,0.25,-0.125,0.5,0.95,0.05
logistic,words,top1_acc,true,m,m?,m:w,m:random:micro,0.0,,,0.95,
logistic,birds,top1_acc,true,m,logmel,m:w,logmel,0.75,0.5,1.0,0.95,0.01
"""


def test_gains_are_of_the_trained_encoder(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text(PAIRS)
    twins = {"m": ("m:w", "m:random:micro"), "other": ("other:w", "other:random:micro")}
    verdicts = write_twins(tmp_path / "pairs.csv", twins, tmp_path / "twins.csv")
    with (tmp_path / "twins.csv").open(newline="") as file:
        rows = {row["task"]: row for row in csv.DictReader(file)}
    gains = {name: tuple(row[key] and float(row[key]) for key in ("gain", "low", "high")) for name, row in rows.items()}
    assert gains == {
        "birds": (0.25, 0.125, 0.5),
        "bells": (-0.125, -0.5, 0.25),
        "drums": (0.5, 0.25, 0.75),
        "horns": (-0.25, -0.5, -0.125),
        "steps": (0.25, -0.125, 0.5),
        "words": (0.0, "", ""),
    }
    assert {name: row["verdict"] for name, row in rows.items()} == {
        "birds": "better",
        "bells": "no significant difference",
        "drums": "better",
        "horns": "worse",
        "steps": "no significant difference",
        "words": "no test",
    }
    assert verdicts == {"m": [row["verdict"] for row in rows.values()], "other": []}
    said = "significantly better than its untrained twin on 2 of 6 tasks, worse on 1, no test on 1"
    assert headline(verdicts["m"]) == said
    assert headline([]) == "significantly better than its untrained twin on 0 of 0 tasks, worse on 0"
    assert {row["method"] for row in rows.values()} == {"m"}
