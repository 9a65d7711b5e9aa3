"""The end of a process, told before anything is closed."""


class Ending:
    """Whether this process has begun to stop.

    Attributes:
        said: why it is not ready any more; '' until it stops.
    """

    def __init__(self) -> None:
        self.said = ""

    def begin(self) -> None:
        """Say from now on that it stops."""
        self.said = "this process is stopping"
