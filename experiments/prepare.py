"""Make a data set folder with features: ``python -m experiments.prepare --dataset NAME [--from PATH]``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from brmrs_graph.data import preparation
from brmrs_graph.data.boutique import generate_boutique
from brmrs_graph.data.filters import Filters
from brmrs_graph.data.preparation import SplitRule, account
from brmrs_graph.data.raw import Columns, Source, open_source
from brmrs_graph.errors import ConfigError
from experiments import cli
from experiments.catalog import BUILT_IN, cache_dir, described, load
from experiments.check import check
from experiments.fetch import fetched, offline

_OF_GENERATED = {"dataset", "out", "text_encoder", "image_encoder", "pca", "whiten"}  # options of the built-in one

Layout = Literal["auto", "recbole", "mmrec", "amazon2014", "amazon2018", "amazon2023", "grouplens", "own"]


@dataclass(frozen=True)
class PrepareSettings:
    """Make a data set folder with feature arrays, ready for experiments.run, from raw files of any known layout.

    The boutique is generated anew from its seed. Raw files of another data set are in --from, or are fetched if
    datasets/NAME/dataset.yaml says from where. Texts and pictures are encoded (`make encoders` installs what the
    default encoders need; `--text-encoder tfidf --image-encoder colors` need nothing). Killed at any moment, the same
    command goes on where it was. What was made of what is written down in manifest.json.
    """

    dataset: str = "boutique"
    """Name of the data set."""
    source: Annotated[Path | None, tyro.conf.arg(name="from", metavar="PATH")] = None
    """Folder of the raw files, or the one that holds it under the name of the data set."""
    fetch: str = ""
    """Where there is no --from: source to fetch a described data set from, by its name in dataset.yaml; empty: the
    first one that has it."""
    out: Path = BUILT_IN
    """Folder in which NAME/ is made."""
    layout: Layout = "auto"
    """Layout of the raw files; own: one table of interactions and one of items, in CSV, TSV, JSON lines or Parquet."""
    interactions: Path | None = None
    """File of interactions, if your own tables cannot be told apart by their columns."""
    items: Path | None = None
    """File of items beside it."""
    columns: Columns = field(default_factory=Columns)
    k_core: int = 0
    """Every user and every item keeps at least this many interactions; 0: no matter how many."""
    min_rating: float | None = None
    """Interactions with a lower rating are left out."""
    split: SplitRule | None = None
    """given: as the source says; random: 8:1:1 by user; time: each user's latest for test; cutoff: all at two moments.
    None: given where the source says it, else random."""
    seed: int = 999
    """Seed of the split."""
    text_fields: tuple[str, ...] = ()
    """Text fields of the items that are encoded, in this order; none: all."""
    unseen_items: bool = False
    """Keep items of the catalogue that have no interaction (in MMRec's layout, without --k-core, they are kept)."""
    text_encoder: str | None = None
    """Encoder of texts: minilm, tfidf, any sentence-transformers name, or file:PATH with vectors. None: the vectors
    that come with the data, else minilm."""
    image_encoder: str | None = None
    """Encoder of pictures: efficientnet-lite0, colors, timm:NAME, or file:PATH with vectors. None: the vectors that
    come with the data, else efficientnet-lite0."""
    pca: int | None = None
    """Rotate features to at most so many dimensions; the energy kept is reported."""
    whiten: bool = False
    """Scale the rotated features to equal energy in all dimensions."""
    check: Path | None = None
    """Makes nothing: reads this data set folder and prints everything that is wrong with it at once."""

    def options(self) -> preparation.Options:
        """What is made of the source."""
        return preparation.Options(
            filters=Filters(self.min_rating, self.k_core),
            split=self.split,
            seed=self.seed,
            text_fields=self.text_fields,
            unseen_items=self.unseen_items,
            text_encoder=self.text_encoder,
            image_encoder=self.image_encoder,
            pca=self.pca,
            whiten=self.whiten,
        )

    def open(self, folder: Path) -> Source:
        """The source in a folder of raw files, or in the folder of the data set's name in there."""
        inside = folder / self.dataset
        return open_source(
            inside if inside.is_dir() else folder,
            layout="" if self.layout == "auto" else self.layout,
            name=self.dataset,
            columns=self.columns,
            interactions=self.interactions,
            items=self.items,
        )


def command(arguments: Sequence[str]) -> None:
    """Parses the command line and prepares, or checks."""
    settings = tyro.cli(PrepareSettings, args=list(arguments), prog="python -m experiments.prepare")
    if settings.check is not None:
        check(settings.check)
    else:
        prepare(settings)


def prepare(settings: PrepareSettings) -> Path:
    """Makes the folder, and says what it made of what.

    Returns:
        The folder.

    Raises:
        ConfigError: If options contradict each other, or are none of the built-in data set.
        DataError: If the source is missing or wrong, or an encoder cannot be used.
    """
    options = settings.options()
    if settings.source is not None and settings.dataset == "boutique":
        raise ConfigError("'boutique' is the built-in data set; name the one in --from with --dataset NAME")
    if settings.dataset == "boutique":
        given = [name for name, value in vars(settings).items() if value != getattr(PrepareSettings(), name)]
        if unused := [f"--{name.replace('_', '-')}" for name in given if name not in _OF_GENERATED]:
            raise ConfigError(
                f"the built-in data set is generated with its split, and {', '.join(unused)} would change nothing; "
                "leave that out, or name another --dataset and give its raw files with --from"
            )
        folder, summary = preparation.prepare_boutique(
            generate_boutique(), settings.out, options, cache_dir=cache_dir(), offline=offline(), progress=True
        )
    else:
        if settings.source is None:
            preparation.ready_encoders(options, offline=offline())  # before much is fetched
            settings = fetched(settings)
            options = settings.options()
        assert settings.source is not None
        try:
            made = preparation.prepare(
                settings.open(settings.source),
                settings.dataset,
                settings.out,
                options,
                cache_dir=cache_dir(),
                offline=offline(),
                progress=True,
            )
        except KeyboardInterrupt:
            raise KeyboardInterrupt("the same command goes on where it was") from None
        print(f"{account(made.manifest)}\n")
        folder, summary = made.folder, made.summary
    print(summary)
    if (about := described(settings.dataset)).sources:
        for remark in about.remarks(load(settings.dataset, settings.out, features=False)):
            print(f"  note: {remark}")
    print(f"written to {folder}")
    root = "" if settings.out == BUILT_IN else f" --data-root {settings.out}"
    print(f"next: python -m experiments.run --dataset {settings.dataset}{root}")
    return folder


if __name__ == "__main__":
    sys.exit(cli.main(command))
