"""Which input drives which row: windows, the places of rows in crossbars, and inputs packed to bits."""
