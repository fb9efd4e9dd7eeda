"""Tables for papers: LaTeX that needs the package booktabs and nothing else.

The best of a column is bold. What ties with the best bears a dagger. Footnotes and remarks stand under the table as
plain text, so that no further package is needed.

Functions
---------
- :func:`sheet_latex`: any table. :func:`comparison_latex`, :func:`overall_latex`: those of measured results.
- :func:`paragraphs`: text between the tables.
- :func:`document`: a file that compiles on its own, around any number of tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from hear_audiomosaic.reporting.analysis.model import Analysis
from hear_audiomosaic.reporting.comparison.model import Comparison
from hear_audiomosaic.reporting.render.latex_text import escape
from hear_audiomosaic.reporting.tables.measured import comparison_sheet, label_key, overall_sheet
from hear_audiomosaic.reporting.tables.model import Entry, Heading, Sheet

__all__ = ["comparison_latex", "document", "overall_latex", "paragraphs", "sheet_latex"]

_COLUMNS = re.compile(r"\\begin\{tabular\}\{(.*)\}")
_A4_MM, _FIRST_MM, _EACH_MM = (210, 297), 100, 30  # of a page; of a table's first column and of each other one

_SIZES = ((6, r"\small"), (11, r"\footnotesize"), (14, r"\scriptsize"))
_SMALLEST = r"\tiny"


def sheet_latex(sheet: Sheet, *, label: str = "", legend: bool = True) -> str:
    r"""Write a table as a ``table`` float.

    Args:
        sheet: the table.
        label: what ``\ref`` finds it by, after ``tab:``; the sheet's key if empty. (Default: empty)
        legend: whether to say under the table what arrows, bold and daggers mean. (Default: True)

    Returns:
        LaTeX, ending in a line feed.
    """
    n_columns = len(sheet.headings)
    size = next((name for most, name in _SIZES if n_columns <= most), _SMALLEST)
    lines = [
        r"\begin{table}[tbp]",
        r"\centering",
        size,
        rf"\caption{{{escape(sheet.title)}}}",
        rf"\label{{tab:{label_key(label or sheet.key)}}}",
        rf"\setlength{{\tabcolsep}}{{{4 if n_columns <= _SIZES[1][0] else 2}pt}}",
        rf"\begin{{tabular}}{{@{{}}l{''.join('l' if words else 'r' for words in sheet.text_columns)}@{{}}}}",
        r"\toprule",
        *_head(sheet),
        r"\midrule",
    ]
    for line in sheet.lines:
        lines += [r"\midrule"] if line.apart else []
        lines.append(_row([escape(line.label) + _marks(line.notes), *(_cell(entry) for entry in line.entries)]))
    lines += [r"\bottomrule", r"\end{tabular}", *_under(sheet, legend), r"\end{table}"]
    return "\n".join(lines) + "\n"


def comparison_latex(comparison: Comparison, analysis: Analysis | None = None) -> str:
    """Write the table of one protocol's measured results: encoders in rows, tasks in columns."""
    return sheet_latex(comparison_sheet(comparison, analysis), label=f"measured-{comparison.label}", legend=False)


def overall_latex(comparison: Comparison, analysis: Analysis) -> str:
    """Write the overall scores of one protocol."""
    return sheet_latex(overall_sheet(comparison, analysis), label=f"overall-{comparison.label}")


def paragraphs(title: str, texts: Iterable[str]) -> str:
    """Write paragraphs under a heading."""
    return "\n\n".join([rf"\section*{{{escape(title)}}}", *map(escape, texts)]) + "\n"


def document(tables: Iterable[str]) -> str:
    """A complete LaTeX file around tables, for a look at them; a paper takes the tables alone.

    Beside booktabs it uses geometry, for a page that is wide enough for the widest table.
    """
    tables = list(tables)
    n_columns = max((spec.count("r") for table in tables for spec in _COLUMNS.findall(table)), default=0)
    width_mm = max(_A4_MM[1], _FIRST_MM + _EACH_MM * n_columns)
    return "\n".join(
        [
            r"\documentclass{article}",
            rf"\usepackage[paperwidth={width_mm}mm,paperheight={_A4_MM[0]}mm,margin=12mm]{{geometry}}",
            r"\usepackage{booktabs}",
            r"\begin{document}",
            *(f"{table}\\clearpage" for table in tables),
            r"\end{document}",
            "",
        ]
    )


def _head(sheet: Sheet) -> list[str]:
    lines = []
    if sheet.groups:
        cells, rules, start = [""], [], 2
        for name, width in sheet.groups:
            cells.append(rf"\multicolumn{{{width}}}{{c}}{{{escape(name)}}}")
            if name:
                rules.append(rf"\cmidrule(lr){{{start}-{start + width - 1}}}")
            start += width
        lines += [_row(cells), " ".join(rules)]
    labels = [
        _stacked(heading, "l" if words else "r")
        for heading, words in zip(sheet.headings, sheet.text_columns, strict=True)
    ]
    return [*lines, _row([escape(sheet.stub), *labels])]


def _stacked(heading: Heading, side: str) -> str:
    """Words of the label one under the other, then the metric and the arrow."""
    lines = _few_lines(heading.label.replace("_", "_ ").split())
    lines.append(" ".join(part for part in (escape(heading.unit), escape(heading.arrow)) if part))
    stack = r"\\".join(line for line in lines if line)
    return rf"\shortstack[{side}]{{{stack}}}"


def _few_lines(words: Sequence[str], width: int = 12) -> list[str]:
    """Put short words on one line as long as it stays short, and escape them."""
    lines: list[str] = []
    for word in words:
        joined = f"{lines[-1]}{'' if lines[-1].endswith('_') else ' '}{word}" if lines else word
        if lines and len(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(word)
    return [escape(line) for line in lines]


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _cell(entry: Entry) -> str:
    text = escape(entry.text)
    if entry.best:
        text = rf"\textbf{{{text}}}"
    marks = ([r"\dagger"] if entry.tied else []) + [str(number) for number in entry.notes]
    spread = rf" {{\tiny {escape(entry.spread)}}}" if entry.spread else ""
    return text + (f"$^{{{','.join(marks)}}}$" if marks else "") + spread


def _marks(notes: Sequence[int]) -> str:
    return f"$^{{{','.join(map(str, notes))}}}$" if notes else ""


def _under(sheet: Sheet, legend: bool) -> list[str]:
    """Footnotes and remarks in a paragraph each."""
    texts = [f"$^{{{number}}}$ {escape(note)}" for number, note in enumerate(sheet.notes, start=1)]
    texts += [escape(remark) for remark in (*sheet.remarks, *([sheet.legend] if legend and sheet.legend else []))]
    paragraphs = [rf"\parbox{{\linewidth}}{{\footnotesize\raggedright {text}}}\par" for text in texts]
    return [r"\par\smallskip", *paragraphs] if texts else []
