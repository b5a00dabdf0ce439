"""Moves through the result of a tab: what the transport bar, its keys and the player ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtWidgets import QWidget

from visualizer.ui.tabs.controller import Controller

if TYPE_CHECKING:
    from visualizer.ui.widgets.player import Player
    from visualizer.ui.widgets.transport import TransportBar


class Playback(QObject):
    """Joins player, transport bar and controller. Before :meth:`begin` there is nothing to play, and that is no error.

    Args:
        controller: the tab's.
    """

    def __init__(self, controller: Controller, parent: QObject) -> None:
        super().__init__(parent)
        self._controller = controller
        self._player: Player | None = None
        self._bar: TransportBar | None = None
        self._keeping_place: list[QWidget] = []
        controller.stepped.connect(self._on_stepped)
        controller.play.connect(self._play_from_start)
        controller.stop.connect(self.pause)

    def begin(self, bar: TransportBar) -> None:
        """From now on this bar shows and steers where the run is."""
        from visualizer.ui.widgets.player import Player

        self._bar = bar
        player = self._player = Player(self)
        player.advanced.connect(self._controller.show_step)
        player.playing_changed.connect(bar.set_playing)
        player.set_speed(bar.speed)
        bar.speed_changed.connect(player.set_speed)
        bar.play_toggled.connect(self.toggle)
        bar.position_requested.connect(self._seek)
        bar.step_requested.connect(self._step)
        bar.to_start_requested.connect(self._to_start)
        bar.to_end_requested.connect(self._to_end)
        bar.reset_requested.connect(self._controller.reset)
        bar.seed_requested.connect(self._controller.set_seed)
        bar.cancel_requested.connect(self._controller.cancel)
        bar.action("reset").setShortcut("Ctrl+R")
        inside = bar.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
        self._keeping_place = [widget for widget in inside if widget.sizePolicy().retainSizeWhenHidden()]

    def set_playable(self, playable: bool) -> None:
        """Whether the page has anything to play.

        From one run to another nothing moves in the bar; where there is none, what is left moves together.
        """
        if self._bar is None:
            return
        for widget in self._keeping_place:
            policy = widget.sizePolicy()
            policy.setRetainSizeWhenHidden(playable)
            widget.setSizePolicy(policy)
        self._bar.set_enabled_for(playable)

    @property
    def playing(self) -> bool:
        return self._player is not None and self._player.playing

    @Slot()
    def toggle(self) -> None:
        """Run or pause; after a cancelled or failed computation, compute again."""
        if self._controller.activity.kind in ("failed", "cancelled"):
            self._controller.recompute()
        elif self._player is not None and (self._controller.steps > 0 or self._player.playing):
            self._player.toggle()

    @Slot()
    def pause(self) -> None:
        if self._player is not None:
            self._player.pause()

    @Slot(int, int)
    def _on_stepped(self, position: int, steps: int) -> None:
        if self._bar is None or self._player is None:
            return
        growing = self._controller.activity.kind == "running"
        self._player.set_end(steps, growing)
        if not self._player.playing:
            self._player.set_position(position)
        self._bar.set_end_awaited(self._controller.at_end)
        self._bar.set_range(steps, growing)
        self._bar.set_position(position)

    @Slot()
    def _play_from_start(self) -> None:
        if self._player is not None:
            self._player.set_end(self._controller.steps, self._controller.activity.kind == "running")
            self._player.set_position(self._controller.position)
            self._player.play()

    @Slot(int, bool)
    def _seek(self, position: int, committed: bool = True) -> None:
        if self._player is not None:
            self._player.set_position(position)
        self._controller.show_step(position)

    @Slot(int)
    def _step(self, by: int) -> None:
        self.pause()
        self._seek(min(max(self._controller.position + by, 0), self._controller.steps))

    @Slot()
    def _to_start(self) -> None:
        self._seek(0)

    @Slot()
    def _to_end(self) -> None:
        # The last step that there is now would be left behind by a run that still grows.
        self.pause()
        self._controller.show_end()
