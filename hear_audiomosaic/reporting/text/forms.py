"""What was seen of encoders while they embedded, in words, shared by all formats."""

from __future__ import annotations

from hear_audiomosaic.reporting.comparison.model import Comparison

__all__ = ["about_encoders"]


def about_encoders(comparison: Comparison) -> tuple[str, ...]:
    """What scores suffer from on a task's own clips, what was brought into HEAR's form, and encoders of small batches.

    Returns:
        A sentence for each finding of each task, and one for each encoder of which there is something to say; none for
        encoders that keep HEAR's form, and for results of before that was looked at.
    """
    findings: dict[str, None] = {}
    forms: dict[str, dict[str, None]] = {}
    batches: dict[str, int] = {}
    for row in comparison.rows:
        for column, cell in zip(comparison.columns, row.cells, strict=True):
            for loaded in cell.results:
                encoder = loaded.result.encoder
                for words in encoder.findings or ():
                    findings[f"{row.label} on {column.label}: {words}."] = None
                if encoder.coercions:
                    forms.setdefault(row.label, {}).update(dict.fromkeys(encoder.coercions))
                if encoder.batch is not None:
                    batches[row.label] = encoder.batch
    formed = (
        f"What {label} returned was brought into HEAR's form: {'; '.join(sorted(forms[label]))}." for label in forms
    )
    sized = (
        f"{label} embedded {'clip by clip' if size == 1 else f'at most {size} clips at a time'}, as asked."
        for label, size in batches.items()
    )
    return (*findings, *formed, *sized)
