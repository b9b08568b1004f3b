"""Records the path of a training loop, makes its page by losswalk, and reads losswalk's runs."""

from ._page import page
from ._record import record
from ._run import Run, load

__all__ = ["Run", "load", "page", "record"]
