"""The exit codes of a stage's child, and what its parent does about them.

    code  name             the child                                             its parent
    0     EXIT_OK          did what was asked: --help, q, a file played once     ends with 0
    1     EXIT_CRASHED     raised an exception, or its device failed             starts another child
    2     EXIT_USAGE       wrote one line about a mistake of the user            ends with 2
    3     EXIT_TERMINATED  ended on a signal that its parent did not send        starts another child
    < 0                    was killed by that signal                             starts another child

A parent that is told to end (SIGTERM, SIGINT, SIGHUP) ends with 0, and one whose children died too often with 1. So honcho
and the shell see 0, 1 or 2. As soon as one stage ends, honcho ends the call.
Where a child has forbidden another one, as in a recording, its parent ends with 1 in place of starting one.
"""

EXIT_OK = 0
EXIT_CRASHED = 1
EXIT_USAGE = 2
EXIT_TERMINATED = 3
