"""What neuroam says when it cannot go on: the object, the wrong value and the cure."""


class NeuroamError(Exception):
    """An error the user can cure. The command line prints it as one message, without a traceback."""


class DescriptionError(NeuroamError, ValueError):
    """A circuit or protocol that cannot be built as described."""


class UnitError(DescriptionError):
    """A quantity of the wrong dimension."""


class Unsupported(NeuroamError, NotImplementedError):
    """What the chosen solver cannot carry; says which solver or description can."""


class RecordingError(NeuroamError, ValueError):
    """A file or Dataset that is not a complete neuroam recording."""
