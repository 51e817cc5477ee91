# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: Orcastra manages a real swarm of three hosts on this machine.

``__main__`` is the command line, ``scenes`` has a function for each scene; ``stage`` runs commands,
``screen`` writes the text between them, ``view`` reads the state of the swarm.
"""
