"""Records the path of a training loop for losswalk, and reads losswalk's runs."""

from ._record import record
from ._run import Run, load

__all__ = ["Run", "load", "record"]
