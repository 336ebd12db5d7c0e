"""Ctrl-C and SIGTERM: what is under way is finished and saved, if that takes no more than half a minute."""

import os
import select
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_PATIENCE = 25.0  # s; batch systems and containers kill some 30 s after they have asked
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_held = False  # whether something is under way that is to be finished
_asked: int | None = None  # the signal that has arrived


@contextmanager
def stoppable() -> Iterator[None]:
    """Inside, both signals end the process, with exit code 130 or 143 (128 + signal, as shells say it).

    Python hears of a signal only when compiled code returns, which may take hours. So a thread that the signal wakes
    without Python's help ends the process when it has waited long enough, or at a second signal. What was saved by then
    is whole, as after a kill. In any thread but the main one nothing changes.
    """
    global _asked
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _asked = None
    read, write = os.pipe()
    os.set_blocking(write, False)
    before = {number: signal.signal(number, _hear) for number in _SIGNALS}
    woken = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(read,), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(woken)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(write)  # the thread reads an end of file, and ends


@contextmanager
def finishing() -> Iterator[Callable[[str], None]]:
    """Inside, a signal is obeyed only by calling what this gives, where something is saved, with a last word."""
    global _held
    _held = True
    try:
        yield _obey
    finally:
        _held = False


def _hear(number: int, frame: FrameType | None) -> None:
    global _asked
    del frame
    _asked = number
    if not _held:
        _obey("stopped")


def _obey(word: str) -> None:
    if _asked is not None:
        _say(word)
        raise SystemExit(128 + _asked)


def _watch(pipe: int) -> None:
    """Ends the process some time after a signal, unless that has happened by then."""
    number = os.read(pipe, 1)  # nothing where the other end is closed
    if number:
        _say(f"stopping when this step is done, in {_PATIENCE:g} s at the latest; once more to stop at once")
        if not select.select([pipe], [], [], _PATIENCE)[0] or os.read(pipe, 1):
            _say("stopped before this step was done; what was saved before is kept")
            os._exit(128 + number[0])
    os.close(pipe)


def _say(sentence: str) -> None:
    os.write(2, f"diffsim: {sentence}\n".encode())  # print is not for signal handlers
