"""YAML files that people write: plans and search spaces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from brmrs_graph.errors import ConfigError


def read_yaml(path: Path, option: str) -> Any:
    """What a file holds.

    Args:
        path: The file.
        option: The option that names it.

    Raises:
        ConfigError: If it cannot be read or is no YAML.
    """
    try:
        return yaml.safe_load(path.read_text())
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; give another {option}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no valid YAML: {' '.join(str(error).split())}") from error
