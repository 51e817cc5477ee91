# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Log rotation: the first half of ``expected …, found …`` for each rule of an entry."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

MESSAGES: dict[str, str] = {
    "rotation_name_characters": "letters, digits, '_', '.' or '-'",
    "rotation_name_unique": "a unique name",
    "rotation_paths_given": "at least one path",
    "rotation_path_unique": "each path once",
    "rotation_count_not_negative": "at least 0",
    "rotation_size_or_frequency": "size or frequency",
    "rotation_size_format": "a number of bytes, or one with k, M or G (100M)",
    "rotation_create_format": "a mode, optionally with owner and group (0640 app adm)",
    "rotation_su_format": "user and group (app adm)",
    "rotation_script_without_end": "no line 'endscript', which would end the script",
    "rotation_script_is_text": "lines of text",
    "path_absolute": "an absolute path",
    "path_without_control_characters": "a path without control characters",
    "path_without_backslashes": "a path without backslashes",
    "path_of_files": "a path of files, not a directory",
    "path_without_double_star": "a path without **, which logrotate reads as *",
    "path_without_parents": "a path without ..",
    "path_not_of_engine": "no log file of the engine itself (for those, set max-size in its daemon.json)",
    "braces_in_pairs": "braces in pairs, with words and commas between them",
    "braces_expand_to_few": "braces that expand to at most {most:plural path}",
}
