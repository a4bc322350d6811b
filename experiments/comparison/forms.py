"""The tables of a comparison in three forms: markdown, LaTeX, and on the terminal."""

from __future__ import annotations

import re

from rich.table import Table as RichTable
from rich.text import Text

from brmrs_graph.data.counted import counted
from experiments.comparison.table import VIEWS, Results, Table, gains_table, main_table, views


def markdown(results: Results) -> str:
    """All tables as a markdown page, with the chart."""
    lines = [f"# {results['name']}", ""]
    for view in views(results):
        lines += [*markdown_lines(VIEWS[view](results)), ""]
    lines += [_legend(results), "", f"![Test Recall@20 of every arm]({results['name']}.svg)", ""]
    return "\n".join([*lines, f"`{results['command']}`", ""])


def markdown_lines(table: Table) -> list[str]:
    """A table as the lines of markdown: the best of a column in bold, the second in italics."""
    mark = {0: "{}", 1: "**{}**", 2: "*{}*"}
    lines = [f"| {' | '.join(table.head)} |", f"|---|{'---:|' * (len(table.head) - 1)}"]
    for first, *others in table.rows:
        cells = [f"`{first.text}`{first.note}", *(mark[cell.place].format(cell.text) + cell.note for cell in others)]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", table.caption]


def latex(results: Results) -> str:
    """All tables for a paper (booktabs): the best of a column in bold, the second underlined."""
    mark = {0: "{}", 1: r"\textbf{{{}}}", 2: r"\underline{{{}}}"}
    parts = [f"% {results['command']}", "% needs \\usepackage{booktabs}"]
    for table in (VIEWS[view](results) for view in views(results)):
        head, caption = ([_escape(text) for text in texts] for texts in (table.head, [table.caption]))
        rows = [
            " & ".join(mark[cell.place].format(_escape(cell.text)) + cell.note for cell in row) for row in table.rows
        ]
        parts += [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{caption[0]}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
            r"\toprule",
            rf"{' & '.join(head)} \\",
            r"\midrule",
            *(rf"{row} \\" for row in rows),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    return "\n".join([*parts, ""])


def terminal(results: Results) -> RichTable:
    """The main table without what a terminal has no room for; that of gains where every arm belongs to a pair."""
    if 2 * len(results["gains"]) == len(results["arms"]):
        table = gains_table(results)
    else:
        table = _without(main_table(results), "R@10", "N@10", "N@20", "GiB")
    style = {0: "", 1: "bold", 2: "underline"}
    shown = RichTable(
        title=f"{results['name']}, test", title_justify="left", caption=table.caption, caption_justify="left"
    )
    # Deviations and intervals go below their figures: the table stays narrow. Names give way before figures do.
    rows = [
        [Text(re.sub(r" (?=[±\[(])", "\n", cell.text + cell.note), style=style[cell.place]) for cell in row]
        for row in table.rows
    ]
    for number, name in enumerate(table.head):
        width = max((len(line) for row in rows for line in row[number].plain.splitlines()), default=0)
        shown.add_column(
            name.replace(" [", "\n\\["),
            justify="right" if number else "left",
            min_width=width if number else None,
            overflow="fold",
        )
    for texts in rows:
        shown.add_row(*texts)
    return shown


def _without(table: Table, *names: str) -> Table:
    kept = [number for number, name in enumerate(table.head) if name not in names]
    return Table(
        tuple(table.head[number] for number in kept),
        tuple(tuple(row[number] for number in kept) for row in table.rows),
        table.caption,
    )


def _legend(results: Results) -> str:
    families = {f"against {results['reference']}": results["against_reference"], "of gains": results["gains"]}
    tests = " and, apart from them, ".join(f"{counted(len(of), 'test')} {what}" for what, of in families.items() if of)
    differences = (
        "Differences: paired bootstrap over users and, of arms with several, over seeds; p after Holm's correction for "
        f"{tests}. "
    )
    return (
        "Best of a column in bold, second in italics. R is Recall, N is NDCG, on test at the best validation epoch; "
        f"an arm's trial is chosen by validation. {differences if tests else ''}Minutes of training and validation on "
        "one CPU thread, unless marked; peak memory of the process."
    )


def _escape(text: str) -> str:
    for sign, written in (("\\", r"\textbackslash "), ("&", r"\&"), ("%", r"\%"), ("_", r"\_"), ("#", r"\#")):
        text = text.replace(sign, written)
    return text.replace("±", r"$\pm$").replace("−", "$-$").replace("< ", "$<$ ")
