"""Reads of crossbars whose cells are whole numbers, converted in integers."""
