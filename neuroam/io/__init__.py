"""Recordings in the formats that laboratories use: NWB files, and Neo in memory."""
from neuroam.io.neo import from_neo, to_neo
from neuroam.io.nwb import from_nwb, to_nwb, to_nwb_all

__all__ = ["from_neo", "from_nwb", "to_neo", "to_nwb", "to_nwb_all"]
