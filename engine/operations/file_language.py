"""Which language the files of a workspace are probably written in: a tie-break, not a fact.

A workspace may write to its leads in English and keep its books in Chinese; a short file in an old
encoding tells too little by itself.
"""

from engine.playbook.workspace import Workspace

_BY_ZONE = {
    "Asia/Shanghai": "zh-CN",
    "Asia/Urumqi": "zh-CN",
    "Asia/Chongqing": "zh-CN",
    "PRC": "zh-CN",
    "Asia/Hong_Kong": "zh-HK",
    "Asia/Macau": "zh-HK",
    "Asia/Taipei": "zh-TW",
}


def file_language(workspace: Workspace) -> str:
    """The workspace's language, or that of the place it is in where that one is Chinese."""
    if workspace.language.startswith("zh"):
        return workspace.language
    return _BY_ZONE.get(workspace.timezone, workspace.language)
