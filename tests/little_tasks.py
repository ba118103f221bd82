"""Tasks that fail, end their process, or do nothing, for pools whose processes should start fast."""
from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def do(task: str) -> str:
    """"fine", "wrong" and "raise" do as they say; "die" kills the process every time, "once PATH" unless the file is
    there, which it then makes; "slow" takes a moment."""
    word, _, path = task.partition(" ")
    if word == "raise":
        raise ValueError("raised")
    if word == "slow":
        time.sleep(0.2)
    if word == "die" or (word == "once" and not Path(path).exists()):
        if path:
            Path(path).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "it is wrong" if word == "wrong" else ""
