"""What can be wrong with a template or a message, however often it is tried."""

from engine.errors import NeverWorksError


class TemplateError(NeverWorksError):
    """A template that cannot be rendered: which file, which line, and why."""

    def __init__(self, file: str, line: int, fault: str, *, help: str = "") -> None:
        place = f"{file}:{line}" if file and line else file
        super().__init__(f"{place}: {fault}" if place else fault, help=help)
        self.file = file
        self.line = line
        """The line, from 1; 0 when the whole file is meant."""
        self.fault = fault


class MessageError(NeverWorksError):
    """A message that no mail server could be given: a broken address or header."""
