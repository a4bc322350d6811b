"""The errors that the library raises for bad input; each carries one message for a person to act on."""


class BRMRSError(Exception):
    """Base class: something the caller can mend. The message names the file, the field and the remedy."""


class DataError(BRMRSError):
    """A data set is missing, unreadable or inconsistent."""


class ConfigError(BRMRSError):
    """An option has a value that cannot work, alone or together with another one."""


class CheckpointError(BRMRSError):
    """A checkpoint or a run folder is missing, truncated or belongs to another configuration."""


class BusyError(BRMRSError):
    """A folder is in use by another process."""


class TrainingError(BRMRSError):
    """Training cannot go on, for instance because a loss term became NaN."""
