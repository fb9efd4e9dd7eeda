"""Any table as LaTeX. None of it knows what the table is about.

The best of a column is bold. What ties with the best bears a dagger. Footnotes and remarks stand under the table as
plain text, so that no further package is needed.

- :func:`table_latex`: one table. :func:`document`: a file that compiles on its own, around any number of tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from hear_audiomosaic.reporting.render.latex.text import escape
from hear_audiomosaic.reporting.tables.model import Cell, ColumnHeader, Table
from hear_audiomosaic.reporting.text.formats import label_key

__all__ = ["document", "table_latex"]

_COLUMNS = re.compile(r"\\begin\{tabular\}\{(.*)\}")
_A4_MM, _FIRST_MM, _EACH_MM = (210, 297), 100, 30  # of a page; of a table's first column and of each other one

_SIZES = ((6, r"\small"), (11, r"\footnotesize"), (14, r"\scriptsize"))
_SMALLEST = r"\tiny"


def table_latex(table: Table, *, label: str = "") -> str:
    r"""Write a table as a ``table`` float.

    Args:
        table: the table.
        label: what ``\ref`` finds it by, after ``tab:``; the table's key if empty. (Default: empty)

    Returns:
        LaTeX, ending in a line feed.
    """
    n_columns = len(table.columns)
    size = next((name for most, name in _SIZES if n_columns <= most), _SMALLEST)
    lines = [
        r"\begin{table}[tbp]",
        r"\centering",
        size,
        rf"\caption{{{escape(table.title)}}}",
        rf"\label{{tab:{label_key(label or table.key)}}}",
        rf"\setlength{{\tabcolsep}}{{{4 if n_columns <= _SIZES[1][0] else 2}pt}}",
        rf"\begin{{tabular}}{{@{{}}l{''.join('l' if words else 'r' for words in table.text_columns)}@{{}}}}",
        r"\toprule",
        *_head(table),
        r"\midrule",
    ]
    for row in table.rows:
        lines += [r"\midrule"] if row.apart else []
        texts = [escape(row.full_label) + _superscript(map(str, row.footnotes)), *map(_cell, row.cells)]
        lines.append(_line([rf"\textbf{{{text}}}" for text in texts] if row.chosen else texts))
    lines += [r"\bottomrule", r"\end{tabular}", *_under(table), r"\end{table}"]
    return "\n".join(lines) + "\n"


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


def _head(table: Table) -> list[str]:
    lines = []
    if table.groups:
        cells, rules, start = [""], [], 2
        for name, width in table.groups:
            cells.append(rf"\multicolumn{{{width}}}{{c}}{{{escape(name)}}}")
            if name:
                rules.append(rf"\cmidrule(lr){{{start}-{start + width - 1}}}")
            start += width
        lines += [_line(cells), " ".join(rules)]
    labels = [
        _stacked(column, "l" if words else "r") for column, words in zip(table.columns, table.text_columns, strict=True)
    ]
    return [*lines, _line([escape(table.stub), *labels])]


def _stacked(column: ColumnHeader, side: str) -> str:
    """Words of the label one under the other, then the metric and the arrow."""
    lines = _few_lines(column.label.replace("_", "_ ").split())
    lines.append(" ".join(part for part in (escape(column.unit), escape(column.arrow)) if part))
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


def _line(texts: Sequence[str]) -> str:
    return " & ".join(texts) + r" \\"


def _cell(cell: Cell) -> str:
    text = rf"\textbf{{{escape(cell.text)}}}" if cell.best else escape(cell.text)
    marks = [*([r"\dagger"] if cell.tied else []), *map(str, cell.footnotes)]
    return text + _superscript(marks) + (rf" {{\tiny {escape(cell.small)}}}" if cell.small else "")


def _superscript(marks: Iterable[str]) -> str:
    joined = ",".join(marks)
    return f"$^{{{joined}}}$" if joined else ""


def _under(table: Table) -> list[str]:
    """Footnotes, remarks and the legend in a paragraph each."""
    texts = [f"{_superscript([str(number)])} {escape(note)}" for number, note in enumerate(table.footnotes, start=1)]
    texts += map(escape, (*table.remarks, *([table.legend] if table.legend else [])))
    paragraphs = [rf"\parbox{{\linewidth}}{{\footnotesize\raggedright {text}}}\par" for text in texts]
    return [r"\par\smallskip", *paragraphs] if texts else []
