# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The JSON Schema of the configuration of mods."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from .schema import EXTENSIONS, Schema

_BOOLEAN: Schema = {"type": ["boolean", "null"], "title": "true or false"}
_TEXT: Schema = {"type": ["string", "null"], "pattern": r"^[^\x00-\x1f\x7f]+$(?!\n)", "title": "a string"}

_SOURCES: Schema = {
    "url": {**_TEXT, "title": "a URL", "description": "A file to download."},
    "image": {
        **_TEXT,
        "title": "an image name",
        "description": "A LinuxServer mod image; stored as `USER.REPO.TAG.tar.xz`.",
    },
    "api": {
        **_TEXT,
        "title": "a URL",
        "description": "A URL that returns JSON; `select` picks the file from it.",
    },
}

_MOD: Schema = {
    "type": ["object", "string"],
    "title": "a URL, or a mapping with url, image or api",
    "properties": {
        **_SOURCES,
        "select": {
            **_TEXT,
            "title": "a JMESPath expression",
            "description": "For `api`: a JMESPath expression that returns `{url, name?, digest?}`.",
        },
        "name": {
            **_TEXT,
            "title": "a file name in the folder",
            "description": "Path of the file in the folder; may contain subfolders. Default: the last part "
            "of the URL.",
        },
        "sha256": {
            "type": ["string", "null"],
            "pattern": r"^(sha256:)?[0-9a-fA-F]{64}$(?!\n)",
            "title": "64 hexadecimal digits",
            "description": "Digest of the file. If it is set, the file is downloaded only once.",
        },
        "headers": {
            "type": ["object", "null"],
            "title": "a mapping of headers to values",
            "description": "Request headers, sent to the origin of the URL only. `${VAR}` is replaced by the "
            "environment variable, or by the content of the file `VAR_FILE`.",
            "propertyNames": {
                "pattern": r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$(?!\n)",
                "title": "a header name",
            },
            "additionalProperties": {
                "type": "string",
                "pattern": r"^[^\x00-\x08\x0a-\x1f\x7f]*$(?!\n)",
                "title": "a string",
            },
        },
        "unpack": {**_BOOLEAN, "description": "Unpack a zip or tar archive into a folder of the same name."},
        "optional": {**_BOOLEAN, "description": "Report a failure of this mod, but do not fail the refresh."},
    },
    "patternProperties": EXTENSIONS,
    "additionalProperties": False,
}

MODS_SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "a mapping with mods, discover and other settings, or a list of mods",
    "description": "Orcastra: mods to download.",
    "type": ["object", "null"],
    "properties": {
        "version": {"type": ["integer", "null"], "enum": [1, None], "title": "1"},
        "discover": {
            "type": ["object", "null"],
            "title": "a mapping with docker_mods, label_prefix and allow_private",
            "properties": {
                "docker_mods": {
                    **_BOOLEAN,
                    "description": "Download the mods that services and containers list in `DOCKER_MODS`.",
                },
                "label_prefix": {
                    "type": ["string", "null"],
                    "pattern": r"^[^\s=\x00-\x1f]+$(?!\n)",
                    "title": "a label prefix, or nothing",
                    "description": "Download the mods in labels with this prefix; null ignores labels.",
                },
                "allow_private": {
                    **_BOOLEAN,
                    "description": "Allow URLs in labels to point to private and local addresses. Default: "
                    "false.",
                },
            },
            "patternProperties": EXTENSIONS,
            "additionalProperties": False,
        },
        "mods": {"type": ["array", "null"], "title": "a list of mods", "items": _MOD},
        "prune": {
            **_BOOLEAN,
            "description": "Remove mods that are no longer configured or requested. Default: true.",
        },
        "concurrency": {
            "type": ["integer", "null"],
            "minimum": 1,
            "maximum": 32,
            "title": "an integer from 1 to 32",
            "description": "Number of parallel downloads. Default: 4.",
        },
        "max_bytes": {
            "type": ["integer", "null"],
            "minimum": 1,
            "title": "a number of bytes, 1 or more",
            "description": "Maximum file size in bytes. Default: 2147483648.",
        },
    },
    "patternProperties": EXTENSIONS,
    "additionalProperties": False,
}
