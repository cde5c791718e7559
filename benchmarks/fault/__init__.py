"""The fault campaign: what a performance does when something breaks, as a receiver sees it.

Each fault is one small class (:mod:`.faults`) that breaks one thing and mends it again, some times
in a row, while a scene plays to an NDI receiver, a page and a recording.
"""
