"""The built-in data set, made anew: generated instead of read, and then encoded like any other."""

from __future__ import annotations

from pathlib import Path

import PIL

from brmrs_graph.data import boutique as generator
from brmrs_graph.data.boutique import Boutique, write_boutique
from brmrs_graph.data.folder import read_folder
from brmrs_graph.data.ids import read_list
from brmrs_graph.data.preparation.features import ENCODERS, feature_stages, origins, ready_encoders
from brmrs_graph.data.preparation.options import Options
from brmrs_graph.data.preparation.publish import publish, recover
from brmrs_graph.data.preparation.stages import Workplace
from brmrs_graph.files import file_sha256, module_checksums, write_bytes

_NAME = "boutique"


def code(folder: Path = Path(generator.__file__).parent) -> list[str]:
    """What draws and writes the boutique, by version: Pillow's, and the checksum of each module of the generator."""
    return [PIL.__version__, *module_checksums(folder)]


def prepare_boutique(
    boutique: Boutique,
    out: Path,
    options: Options,
    *,
    cache_dir: Path | None = None,
    offline: bool = False,
    progress: bool = False,
) -> tuple[Path, str]:
    """Makes the folder ``out/boutique``, whose ``dataset.yaml`` ends with the checksums of its files.

    Args:
        boutique: What is written.
        out: The folder in which the data set folder is made, or replaced.
        options: Encoders and rotation.
        cache_dir: Where encoded vectors are kept by content (default: nowhere).
        offline: Whether no encoder's weights are fetched.
        progress: Whether to show progress bars.

    Returns:
        The folder, and what a run will say of it.

    Raises:
        BusyError: If another process makes it.
        DataError: If an encoder cannot be used.
    """
    with Workplace(out / f".{_NAME}.part") as work:
        recover(work.folder, out / _NAME)
        encoders = ready_encoders(options, ENCODERS, offline=offline)
        basis = [repr(boutique.config), *code()]
        made = work.stage("generated", basis, lambda folder: write_boutique(folder, boutique))
        item_ids = read_list(made.folder, "itemID")
        found = origins(options, {}, encoders, made.folder, made.folder, cache_dir=cache_dir, progress=progress)
        features = feature_stages(work, made.fingerprint, found, item_ids, options)
        whole = work.gather([made, *features.values()])
        sums = {path.name: file_sha256(path) for path in sorted(whole.glob("*_feat.npy"))}
        card = (whole / "dataset.yaml").read_text(encoding="utf-8")
        card += "".join(f"  {name}: {digest}\n" for name, digest in sums.items())
        write_bytes(whole / "dataset.yaml", card.encode())
        summary = read_folder(whole, name=_NAME, synthetic=True).summary()
        publish(whole, out / _NAME)
        work.remove()
    return out / _NAME, summary
