# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: a real swarm of three hosts on this machine, and Orcastra looking after it.

``__main__`` is the command line, ``scenes`` what happens, one function a scene; ``stage`` runs commands,
``screen`` shows things, ``view`` says where everything is.
"""
