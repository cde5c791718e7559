"""Hands on the instrument: OSC and MIDI, one part per file."""
