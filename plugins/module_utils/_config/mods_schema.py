# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The JSON Schema of the configuration of mods."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from .schema import EXTENSIONS, Schema

_BOOLEAN: Schema = {"type": ["boolean", "null"], "title": "true or false"}
_TEXT: Schema = {"type": ["string", "null"], "pattern": r"^[^\x00-\x1f\x7f]+$(?!\n)", "title": "text"}

_SOURCES: Schema = {
    "url": {**_TEXT, "title": "a URL", "description": "A file to download."},
    "image": {
        **_TEXT,
        "title": "the name of an image",
        "description": "A mod image of LinuxServer's kind; stored as `USER.REPO.TAG.tar.xz`.",
    },
    "api": {
        **_TEXT,
        "title": "a URL",
        "description": "A URL that answers with JSON, in which `select` finds the file.",
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
            "description": "For `api`: a JMESPath expression that gives `{url, name?, digest?}`.",
        },
        "name": {
            **_TEXT,
            "title": "the name of a file in the folder",
            "description": "Where the file goes, folders allowed. Default: the last part of the URL.",
        },
        "sha256": {
            "type": ["string", "null"],
            "pattern": r"^(sha256:)?[0-9a-fA-F]{64}$(?!\n)",
            "title": "64 hexadecimal digits",
            "description": "The file's digest. With it, nobody is asked once the file is there.",
        },
        "headers": {
            "type": ["object", "null"],
            "title": "a mapping of headers to values",
            "description": "Sent to the URL's origin only. `${VAR}` is taken from the environment, or from "
            "the file that `VAR_FILE` names.",
            "propertyNames": {
                "pattern": r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$(?!\n)",
                "title": "the name of a header",
            },
            "additionalProperties": {
                "type": "string",
                "pattern": r"^[^\x00-\x08\x0a-\x1f\x7f]*$(?!\n)",
                "title": "text",
            },
        },
        "unpack": {**_BOOLEAN, "description": "Unpack a zip or tar archive into a folder of that name."},
        "optional": {**_BOOLEAN, "description": "A failure is reported, but the refresh counts as good."},
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
                    "description": "Take the mods that services and containers name in `DOCKER_MODS`.",
                },
                "label_prefix": {
                    "type": ["string", "null"],
                    "pattern": r"^[^\s=\x00-\x1f]+$(?!\n)",
                    "title": "the beginning of a label, or nothing",
                    "description": "Take the mods in labels that begin so; null: no labels.",
                },
                "allow_private": {
                    **_BOOLEAN,
                    "description": "Let URLs of labels lead to private and local addresses. Default: false.",
                },
            },
            "patternProperties": EXTENSIONS,
            "additionalProperties": False,
        },
        "mods": {"type": ["array", "null"], "title": "a list of mods", "items": _MOD},
        "prune": {**_BOOLEAN, "description": "Remove what is no longer wanted. Default: true."},
        "concurrency": {
            "type": ["integer", "null"],
            "minimum": 1,
            "maximum": 32,
            "title": "a whole number, 1 to 32",
            "description": "How many downloads at a time. Default: 4.",
        },
        "max_bytes": {
            "type": ["integer", "null"],
            "minimum": 1,
            "title": "a number of bytes, at least 1",
            "description": "The largest file. Default: 2147483648.",
        },
    },
    "patternProperties": EXTENSIONS,
    "additionalProperties": False,
}
