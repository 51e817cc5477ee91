# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mods."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

MESSAGES: dict[str, str] = {
    "optional_mod_failed": "{error}",
    "mod_missing": "not downloaded yet",
    "mod_files_gone": "its files are missing",
    "mod_files_changed": "its files differ from the downloaded ones",
    "mod_has_pinned_digest": "present with the pinned digest",
    "mod_digest_differs": "the pinned digest has changed",
    "mod_may_be_outdated": "there may be a newer version",
    "mod_outdated": "there is a newer version",
    "mod_unused": "{mod} is no longer used",
    "mod_renamed": "{mod} has a new file name",
    "mod_name_taken": "expected a unique name, found {name}, which {other} also has",
    "mod_architecture_unknown": "the architectures that need it are unknown",
    "mod_kept_without_configuration": "{mod} is kept because there is no configuration",
    "mod_kept_for_now": "{mod} is no longer used; it is kept for another {left:duration}",
    "mods_kept_use_unknown": "nothing is removed because the mods that services use are not all known",
    "mods_refresh_under_way": "another refresh of {folder} is under way",
    "mods_wanted_unknown": "the mods that services and containers use are unknown: {error}",
    "mods_of_services_unknown": (
        "the mods that services use are unknown because no manager was asked (manager_host, "
        "ORCASTRA_MANAGER_HOST): only those of containers on this node are downloaded, and nothing is removed"
    ),
    "mod_state_unreadable": "{path} can't be read, so nothing is removed: {error}",
    "mod_state_damaged": "{path} is damaged ({error}); it has been set aside, and nothing is removed",
    "mod_wish_invalid": "{wisher}: {error}",
}
