"""The tree of Longplay's errors; it owns what a reader must be able to tell apart.

```
LongplayError
├── InputError          your file or your input is wrong            CLI exit 1, HTTP 4xx
│   └── NotFoundError   the thing named does not exist              HTTP 404
├── EnvironmentFault    your environment is wrong                   CLI exit 2, names the setting
├── TryAgainError       it may work later                           retried
└── NeverWorksError     it will not work however often it is tried  the enrollment stops there
```

Findings about a playbook are not exceptions: they are `engine.playbook.diagnostics`.
"""


class LongplayError(Exception):
    """A fault that Longplay can explain: what is wrong, and the next move.

    Args:
        message: the fault first, lower case, the offending value in single quotes.
        help: the next move, or empty.
    """

    exit_status = 1

    def __init__(self, message: str, *, help: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.help = help

    def __str__(self) -> str:
        return f"{self.message}\nhelp: {self.help}" if self.help else self.message


class InputError(LongplayError):
    """What was given is wrong; nothing was changed."""


class NotFoundError(InputError):
    """What was named does not exist."""


class EnvironmentFault(LongplayError):
    """A setting, a port, a file or a server is not as it must be."""

    exit_status = 2


class TryAgainError(LongplayError):
    """The same thing may succeed later."""


class NeverWorksError(LongplayError):
    """The same thing will fail however often it is tried."""
