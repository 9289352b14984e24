"""Packets on the mesh one event per router: heads, tails and channels, without flits."""

from .simulate import simulate_events

__all__ = ["simulate_events"]
