"""A window that is closed while the worker prepares: run by ``test_loading.py`` in a process of its own."""

from __future__ import annotations

import ctypes
import sys

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QApplication, QWidget

from visualizer.base.messages import Loading, Ready
from visualizer.worker.client import TorchClient
from visualizer.worker.loading import ImportGate, Preparation, prepare_torch


def never_ends(gate: ImportGate) -> Preparation:
    """Reading a library from a disk that does not answer: a foreign call that nothing interrupts."""
    yield Loading("torch")
    ctypes.CDLL(None).pause()


class Closer(QObject):
    """Closes the client ``delay`` milliseconds after it said that it loads ``what``."""

    def __init__(self, client: TorchClient, what: str, delay: int) -> None:
        super().__init__(client)
        self._client, self._what, self._delay = client, what, delay
        client.message.connect(self.listen)

    @Slot(object)
    def listen(self, message: object) -> None:
        if isinstance(message, Loading) and message.what == self._what:
            self._what = ""
            QTimer.singleShot(self._delay, self.close)
        elif isinstance(message, Ready):
            print("ready")

    @Slot()
    def close(self) -> None:
        self._client.close()
        print("torch" if "torch.optim" in sys.modules else "no torch")
        QApplication.quit()


def main(what: str, delay: str, prepare: str) -> int:
    app = QApplication([])
    window = QWidget()
    window.show()
    client = TorchClient(window, never_ends if prepare == "never" else prepare_torch)
    Closer(client, what, int(delay))
    client.start()
    return app.exec()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
