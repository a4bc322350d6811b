import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from brmrs_graph.data.boutique import BoutiqueConfig, generate_boutique
from brmrs_graph.data.preparation import Options, builtin, prepare_boutique

OFFLINE = Options(text_encoder="tfidf", image_encoder="colors")


def test_what_an_older_generator_left_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boutique = generate_boutique(BoutiqueConfig(seed=3, n_items=20, n_users=20, max_pairs=15))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(builtin, "feature_stages", killed)
        patched.setattr(builtin, "code", lambda: ["older"])
        with pytest.raises(KeyboardInterrupt):
            prepare_boutique(boutique, tmp_path, OFFLINE)
    newer = replace(boutique, x_label=boutique.x_label[::-1].copy())
    folder, _ = prepare_boutique(newer, tmp_path, OFFLINE)
    labels = [line.split("\t")[2] for line in (folder / "boutique.inter").read_text().splitlines()[1:]]
    assert labels == [str(label) for label in newer.x_label] != [str(label) for label in boutique.x_label]


def test_any_changed_module_is_another_generator(tmp_path: Path) -> None:
    copy = tmp_path / "boutique"
    shutil.copytree(Path(builtin.generator.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    assert builtin.code(copy) == builtin.code()
    for path in sorted(copy.glob("*.py")):
        before = builtin.code(copy)
        path.write_text(path.read_text() + "\n")
        assert builtin.code(copy) != before
