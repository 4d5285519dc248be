"""How a stage's processes are started, watched and ended, and what belongs to their user alone.

honcho starts one process for each line of Procfile. That process is the stage's parent (supervisor.py). It forks a child
(child.py), which reads the settings and runs the stage's loop. The parent exists because of what honcho cannot do:

- honcho never restarts a process. As soon as one ends, honcho ends the call. The parent restarts its child.
- honcho does not see that a process hangs. The loop of the child sends a heartbeat (heartbeat.py), and the parent kills a
  child whose heartbeat stops.
- honcho ends nobody when it is killed, or when its own output is closed (`honcho start | head`): it then waits for ever.
  Parent and child look for that themselves (parent_watch.py), so the camera is never left on.

Who ends whom:

1. A child dies, hangs, or is ended by somebody else. The parent starts another one, after a growing pause. After too many
   deaths in a short time the parent gives up and ends, which is case 3.
2. A child ends because it did what was asked (q), or because of a user's mistake. The parent ends with the same code, which
   is case 3.
3. A parent ends. The kernel kills the child that it may still have. honcho sends SIGTERM to all other stages: case 4.
4. honcho is asked to end the call (Ctrl-C, SIGTERM) and sends SIGTERM to every parent and child. The child ends its loop and
   closes its device. A parent kills a child that has not ended within 1.2 s, then ends itself with code 0. honcho kills
   after 5 s what is left.
5. honcho is killed, or ends nobody any more. Every parent sees it within a quarter of a second and goes on as in case 4. A
   parent that is stopped (SIGSTOP) cannot see it. Its child can, and ends its loop.

A parent that was stopped itself, perhaps together with its child (`docker pause`), does not hold the silence of that time
against the child.

exit_codes.py holds the table of exit codes. procinfo.py says which process is which; a pid alone is not enough, because
pids are reused.
"""
