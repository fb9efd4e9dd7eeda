"""How long a report takes, and how large it is, by the number of encoders; every score is invented.

    python benchmarks/report_speed.py [--encoders 6 12 25 50] [--tasks 19] [--profile]

Results and predictions of the given number of tasks (a third each of one label, of tags, of events; 400 test clips)
are made in a temporary folder. Prints seconds of one core and the size of each file.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

import fake_predictions  # noqa: E402 - after the path
import fake_results  # noqa: E402

from hear_audiomosaic.reporting.report import write_report  # noqa: E402

N_CLIPS, N_CLASSES = 400, 10


def write_results(folder: Path, n_encoders: int, n_tasks: int) -> None:
    """Encoders whose skill rises with their number, on every task."""
    vocabulary = tuple(f"class {i}" for i in range(N_CLASSES))
    encoders = [
        fake_results.encoder(f"encoder{i:02d}", f"Encoder {i:02d}", parameters=10**6) for i in range(n_encoders)
    ]
    for number in range(n_tasks):
        kind = number % 3
        facts = {"vocabulary": vocabulary, "prediction_type": "multilabel" if kind else "multiclass"}
        task = fake_results.task(f"task{number:02d}", None if kind == 2 else 0.1, event=kind == 2, **facts)
        truth = np.random.default_rng(number).integers(0, N_CLASSES, N_CLIPS)
        for i, encoder in enumerate(encoders):
            skill, rng = 0.3 + 0.6 * i / n_encoders, np.random.default_rng((number, i))
            if kind == 0:
                noise = rng.random((N_CLIPS, N_CLASSES))
                known = rng.random(N_CLIPS) < skill
                probabilities = noise / 2 + np.eye(N_CLASSES)[truth] * known[:, None]
                probabilities /= probabilities.sum(axis=1, keepdims=True)
                fold = fake_predictions.fold(probabilities, np.eye(N_CLASSES)[truth])
                fake_predictions.clips(folder, encoder, task, [fold])
            elif kind == 1:
                fold = fake_predictions.ranked(N_CLIPS, N_CLASSES, skill, seed=1000 * number + i)
                fake_predictions.clips(folder, encoder, task, [fold], score_name="mAP")
            else:
                fold = fake_predictions.event_fold(50, 1000 * number + i, skill)
                fake_predictions.events(folder, encoder, task, [fold], "event_onset_200ms_fms")


def main() -> None:
    """Make the results, report them, print what it took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--encoders", type=int, nargs="+", default=[6, 12, 25, 50])
    parser.add_argument("--tasks", type=int, default=19)
    parser.add_argument("--profile", action="store_true", help="where the time of the last one goes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for n_encoders in options.encoders:
            results, out = Path(scratch) / f"results{n_encoders}", Path(scratch) / f"report{n_encoders}"
            write_results(results, n_encoders, options.tasks)
            profile = cProfile.Profile()
            if options.profile:
                profile.enable()
            started = time.process_time()
            report = write_report(results, out)
            seconds = time.process_time() - started
            profile.disable()
            sizes = ", ".join(f"{path.name} {path.stat().st_size / 1e6:.2f} MB" for path in report.paths)
            print(f"{n_encoders} encoders x {options.tasks} tasks: {seconds:.1f} s; {sizes}", flush=True)
            if options.profile:
                pstats.Stats(profile).sort_stats("cumulative").print_stats(45)


if __name__ == "__main__":
    main()
