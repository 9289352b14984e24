"""Reads of crossbars whose cells are real numbers: errors, effective cells behind wires, ladders, noise."""
