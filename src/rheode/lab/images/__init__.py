"""SEM frames and CT stacks: phases, pores, and each pore followed from frame to frame; runs drawn as images alike."""

from .analysis import analyse
from .reading import Image, read_images
from .regions import particles, pores
from .segmentation import parse_phases, segment
from .tracking import drifts, track

__all__ = ["Image", "analyse", "drifts", "parse_phases", "particles", "pores", "read_images", "segment", "track"]
