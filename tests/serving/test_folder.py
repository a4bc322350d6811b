import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import brmrs_graph
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import CheckpointError
from brmrs_graph.serving import KeptData, TrainedModel, load, save


def test_a_saved_model_answers_as_before(model: TrainedModel, data: MultimodalDataset, tmp_path: Path) -> None:
    save(tmp_path / "deep" / "model", model.branches, data)
    for read in (load(tmp_path / "deep" / "model"), brmrs_graph.load(str(tmp_path / "deep" / "model"))):
        assert read.user_ids == list(model.user_ids) and read.item_ids == list(model.item_ids)
        for asked, answered in zip(model.recommend(model.user_ids), read.recommend(read.user_ids), strict=True):
            assert asked.tolist() == answered.tolist()
        assert read.explain("007", "日本語") == model.explain("007", "日本語")


def test_files_of_different_runs_do_not_go_together(
    dense: TrainedModel, data: MultimodalDataset, tmp_path: Path
) -> None:
    save(tmp_path, dense.branches, data)
    fewer = replace(KeptData.of(data), train=data.train[:-1], user_ids=data.user_ids[:-1])
    fewer.write(tmp_path)
    with pytest.raises(CheckpointError, match="150 users and 200 items, but the tables beside it list 149 and 200"):
        load(tmp_path)


def test_a_folder_without_vectors_is_refused(data: MultimodalDataset, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no run folder"):
        load(tmp_path / "nowhere")
    KeptData.of(data).write(tmp_path)
    with pytest.raises(CheckpointError, match=r"embeddings.safetensors is missing"):
        load(tmp_path)


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, brmrs_graph; brmrs_graph.load; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0
