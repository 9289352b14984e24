"""Augmentation of training batches, drawn from their device's generator: (samples, ..., H, W), each its own draw.

Frames of events (samples, T, 2, H, W) are moved and flipped as images are: one draw holds for all time-steps. Pixels
keep their values: what turns or shears an image takes the nearest pixel, zeros moving in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from .config import Augmentation

Tensor = torch.Tensor


def augmented(images: Tensor, how: Augmentation) -> Tensor:
    """A batch as a recipe wants it changed."""
    ways: list[tuple[float, Callable[[Tensor], Tensor]]] = [
        (how.roll_pixels, lambda x: rolled(x, how.roll_pixels)),
        (how.rotate_degrees, lambda x: turned(x, how.rotate_degrees)),
        (how.shear_degrees, lambda x: sheared(x, how.shear_degrees)),
        (how.cutout_pixels, lambda x: cutout(x, how.cutout_pixels)),
    ]
    changes = [change for asked, change in ways if asked]
    images = flipped(images) if how.flip else images
    if how.one_each:
        return one_each(images, changes)
    for change in changes:
        images = change(images)
    return images


def shifted(images: Tensor, pixels: int) -> Tensor:
    """Each sample moved by up to `pixels` along either axis, zeros moving in.

    With `pixels` = 4 this is the random crop of an image padded by 4 (He et al., CVPR 2016, section 4.2).
    """
    samples, (height, width) = len(images), images.shape[-2:]
    padded = F.pad(images, [pixels] * 4).flatten(1, -3)
    where = images.device
    corner = torch.randint(0, 2 * pixels + 1, (2, samples, 1), device=where)
    rows, columns = (corner[axis] + torch.arange(size, device=where) for axis, size in enumerate((height, width)))
    which = torch.arange(samples, device=where)[:, None, None]
    moved = padded[which, :, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2).reshape(images.shape).contiguous()


def flipped(images: Tensor) -> Tensor:
    """Half of the samples mirrored, left to right."""
    chosen = torch.rand(len(images), device=images.device) < 0.5
    return torch.where(_per_sample(chosen, images), images.flip(-1), images)


def cutout(images: Tensor, size: int) -> Tensor:
    """A square of `size` pixels set to zero, its centre anywhere in the image (DeVries and Taylor 2017)."""
    height, width = images.shape[-2:]
    where = images.device
    top = torch.randint(0, height, (len(images), 1), device=where) - size // 2
    left = torch.randint(0, width, (len(images), 1), device=where) - size // 2
    rows, columns = torch.arange(height, device=where), torch.arange(width, device=where)
    inside = ((rows >= top) & (rows < top + size))[:, :, None] & ((columns >= left) & (columns < left + size))[:, None]
    middle = [1] * (images.dim() - 3)
    return images.masked_fill(inside.reshape(len(images), *middle, height, width), 0)


def one_each(images: Tensor, changes: Sequence[Callable[[Tensor], Tensor]]) -> Tensor:
    """Each sample changed in one of the ways, drawn for it; unchanged where there is none.

    The usual augmentation of event frames, behind the flip, is one of `rolled`, `turned`, `sheared` and `cutout`
    (Li, Kim, Park, Geller and Panda, ECCV 2022, "NDA"; by 5 pixels, 30 degrees, 30 degrees, a square of 16 pixels).
    """
    if not changes:
        return images
    which = torch.randint(0, len(changes), (len(images),), device=images.device)
    made = images
    for number, change in enumerate(changes):
        made = torch.where(_per_sample(which == number, images), change(images), made)
    return made


def turned(images: Tensor, degrees: float) -> Tensor:
    """Each sample turned about its centre by up to `degrees` either way."""
    angle = _angles(images, degrees)
    return _warped(images, angle.cos(), -angle.sin(), angle.sin(), angle.cos())


def sheared(images: Tensor, degrees: float) -> Tensor:
    """Each sample's rows moved along, in proportion to their height over the centre, by up to `degrees` either way."""
    along = _angles(images, degrees).tan()
    return _warped(images, torch.ones_like(along), along, torch.zeros_like(along), torch.ones_like(along))


def _angles(images: Tensor, degrees: float) -> Tensor:
    drawn = torch.rand(len(images), device=images.device, dtype=torch.float64)
    return math.radians(degrees) * (2 * drawn - 1)


def _warped(images: Tensor, xx: Tensor, xy: Tensor, yx: Tensor, yy: Tensor) -> Tensor:
    """Each sample's pixel at (x, y) from its centre is that which was at (xx x + xy y, yx x + yy y)."""
    height, width = images.shape[-2:]
    where = images.device
    x = torch.arange(width, device=where, dtype=torch.float64) - (width - 1) / 2
    y = (torch.arange(height, device=where, dtype=torch.float64) - (height - 1) / 2)[:, None]
    xx, xy, yx, yy = (factor[:, None, None] for factor in (xx, xy, yx, yy))
    column = (xx * x + xy * y + (width - 1) / 2).round().long()
    row = (yx * x + yy * y + (height - 1) / 2).round().long()
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    place = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
    flat = images.flatten(-2).flatten(1, -2)
    moved = flat.gather(2, place.flatten(1)[:, None].expand(-1, flat.shape[1], -1)).reshape(images.shape)
    middle = [1] * (images.dim() - 3)
    return moved.masked_fill(~inside.reshape(len(images), *middle, height, width), 0)


def rolled(frames: Tensor, pixels: int) -> Tensor:
    """Each sample rolled by up to `pixels` along either axis, what leaves coming in at the other side."""
    height, width = frames.shape[-2:]
    where = frames.device
    by = torch.randint(-pixels, pixels + 1, (2, len(frames), 1), device=where)
    rows, columns = ((torch.arange(size, device=where) - by[i]) % size for i, size in enumerate((height, width)))
    which = torch.arange(len(frames), device=where)[:, None, None]
    moved = frames.flatten(1, -3)[which, :, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2).reshape(frames.shape).contiguous()


def _per_sample(values: Tensor, like: Tensor) -> Tensor:
    return values.reshape(-1, *[1] * (like.dim() - 1))
