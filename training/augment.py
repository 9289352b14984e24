"""Augmentation of training batches, drawn from their device's generator: (samples, ..., H, W), each its own draw.

Frames of events (samples, T, 2, H, W) are moved and flipped as images are: one draw holds for all time-steps.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

Tensor = torch.Tensor


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


def rolled(frames: Tensor, pixels: int) -> Tensor:
    """Each sample rolled by up to `pixels` along either axis, what leaves coming in at the other side.

    The usual augmentation of event frames beside the flip (Li, Kim, Park, Geller and Panda, ECCV 2022, "NDA").
    """
    height, width = frames.shape[-2:]
    where = frames.device
    by = torch.randint(-pixels, pixels + 1, (2, len(frames), 1), device=where)
    rows, columns = ((torch.arange(size, device=where) - by[i]) % size for i, size in enumerate((height, width)))
    which = torch.arange(len(frames), device=where)[:, None, None]
    moved = frames.flatten(1, -3)[which, :, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2).reshape(frames.shape).contiguous()


def _per_sample(values: Tensor, like: Tensor) -> Tensor:
    return values.reshape(-1, *[1] * (like.dim() - 1))
