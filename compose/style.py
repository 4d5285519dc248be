"""What the picture looks like: as the settings say, until a viewer chooses something else. Pure."""

from __future__ import annotations

from common.ipc.records import PEOPLE, SetEdge, SetFollow, SetHide
from compose.settings import ComposeSettings


class StyleChoice:
    """Holds the style of now. A loss does not change it: it is chosen, as the background is.

    Args:
        settings: What the call begins with.

    Attributes:
        hide: "room" or "people".
        follow: The picture is cropped around the subject.
        feather, margin: Of the subject's edge, pixels of a picture 720 high.
    """

    def __init__(self, settings: ComposeSettings) -> None:
        self.reset(settings)

    def reset(self, settings: ComposeSettings) -> None:
        """Forget what was chosen: the style is as these settings say."""
        self.hide, self.follow = settings.hide, settings.follow
        self.feather, self.margin = settings.feather, settings.margin

    def apply(self, asked: SetHide | SetFollow | SetEdge) -> None:
        """Do what a viewer wants."""
        match asked:
            case SetHide():
                self.hide = asked.hide
            case SetFollow():
                self.follow = asked.follow
            case SetEdge():
                self.feather, self.margin = asked.feather, asked.margin

    @property
    def shows_room(self) -> bool:
        """Whether the room may be shown, where it is known that nobody is in it."""
        return self.hide == PEOPLE
