"""The error tree.

OnlymeError
 ├── UserError               one clear line for the user, exit 2: no restart would mend it
 │    ├── ConfigError        a flag, a variable or a line of .env that cannot be used
 │    ├── SourceError        a camera, file, folder or address that cannot be read
 │    ├── ModelError         weights, graph or class list that cannot be used
 │    ├── AssetError         a pinned file that cannot be fetched or does not match its checksum
 │    ├── DisplayError       a sink that cannot be opened here
 │    ├── KeyFileError       a key, or its file, that cannot be used
 │    ├── ProcessorError     a processor that the rings in shared memory cannot be used on
 │    ├── RingSpaceError     not enough room in shared memory, or it cannot be written
 │    ├── AlreadyRunningError another writer already serves this stream
 │    └── RestartError       a stage of a recording that has ended: the others cannot go on without it
 ├── SourceLostError         a source that did deliver has stopped: everything is hidden and it is opened again
 ├── RingGoneError           the segment was removed, or is not one of ours: counted, and the next message is awaited
 ├── RunFolderGoneError      the run folder was removed: the stage is restarted and makes another
 ├── RedactionError          the stages of a redaction failed, and no restart mended it: nothing was written
 ├── DeviceError             a device that cannot run the network, or no longer can: the worker goes on on the processor
 └── MessageError            bytes from a socket that are no valid message: counted and dropped

`None` from a reader means "nothing new" and is no error; loss of frames is counted, not raised.
"""

from __future__ import annotations

from collections.abc import Sequence


class OnlymeError(Exception):
    """Base of all: its text is one line saying what, expected, got and what to do."""


class UserError(OnlymeError):
    """Something that only the user can mend."""


class ConfigError(UserError):
    """A setting is unknown, malformed or out of range."""


class SourceError(UserError):
    """A source of frames cannot be opened or read."""


class ModelError(UserError):
    """A network, its graph text or its class list cannot be used."""


class AssetError(UserError):
    """A pinned file cannot be fetched, or is not the file it should be."""


class DisplayError(UserError):
    """A sink cannot be opened on this machine."""


class KeyFileError(UserError):
    """A key of the remote stream, or its file, cannot be used."""


class ProcessorError(UserError):
    """The processor does not keep the order of stores."""


class RingSpaceError(UserError):
    """Shared memory is too small for the ring, or cannot be written."""


class AlreadyRunningError(UserError):
    """Another process is already the writer of this stream."""


class RestartError(UserError):
    """A stage of a recording has ended, and this one cannot go on without it."""


class SourceLostError(OnlymeError):
    """A source that delivered does so no more; it may come back."""


class RingGoneError(OnlymeError):
    """The segment does not exist any more, or does not hold a ring of this layout."""


class RunFolderGoneError(OnlymeError):
    """The run folder was removed under the call, with the sockets in it."""


class RedactionError(OnlymeError):
    """A redaction failed for a reason that the user may not be able to mend.

    Args:
        text: One line.
        log: The last lines that the stages printed.
    """

    def __init__(self, text: str, log: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.log = list(log)


class DeviceError(OnlymeError):
    """A device cannot run a network, or has stopped doing so."""


class MessageError(OnlymeError):
    """Bytes that do not decode to a valid message."""
