"""Markdown as a tree of plain nodes (pure), for a renderer that must not read user text as its own source."""

from typing import Any
from urllib.parse import urlsplit

from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from firebell.kit.markdown import markdown
from firebell.postmortems.export.graph_place import GRAPH_MARK

Node = dict[str, Any]
_WRAPPED = {"strong": "strong", "em": "em"}
_LINKED = ("http", "https", "mailto")


def nodes(text: str) -> list[Node]:
    """Return the blocks of a text; each has its kind as `t`, its children as `c`, and texts as `s`."""
    tokens: list[Token] = markdown.parse(text)
    return _blocks(SyntaxTreeNode(tokens).children)


def _blocks(children: list[SyntaxTreeNode]) -> list[Node]:
    return [node for child in children if (node := _block(child))]


def _block(node: SyntaxTreeNode) -> Node | None:
    match node.type:
        case "heading":
            return {"t": "heading", "level": int(node.tag[1]), "c": _inlines(node.children)}
        case "paragraph" if node.children and node.children[0].content == GRAPH_MARK:
            return {"t": "graph"}
        case "paragraph":
            return {"t": "par", "c": _inlines(node.children)}
        case "bullet_list" | "ordered_list":
            items = [_blocks(item.children) for item in node.children]
            return {
                "t": "list" if node.type == "bullet_list" else "enum",
                "start": int(node.attrs.get("start", 1)),
                "items": items,
            }
        case "blockquote":
            return {"t": "quote", "c": _blocks(node.children)}
        case "fence" | "code_block":
            return {"t": "code", "s": node.content.rstrip("\n")}
        case "hr":
            return {"t": "rule"}
        case "table":
            rows = [
                [_inlines(cell.children) for cell in row.children]
                for part in node.children
                for row in part.children
            ]
            return {"t": "table", "columns": len(rows[0]), "rows": rows} if rows and rows[0] else None
        case _:
            return {"t": "par", "c": [{"t": "text", "s": node.content}]} if node.content else None


def _inlines(children: list[SyntaxTreeNode]) -> list[Node]:
    inlines: list[Node] = []
    for child in children:
        inlines += _inlines(child.children) if child.type == "inline" else [_inline(child)]
    return inlines


def _inline(node: SyntaxTreeNode) -> Node:
    if node.type in _WRAPPED:
        return {"t": _WRAPPED[node.type], "c": _inlines(node.children)}
    if node.type == "code_inline":
        return {"t": "mono", "s": node.content}
    if node.type in ("softbreak", "hardbreak"):
        return {"t": "text", "s": " "} if node.type == "softbreak" else {"t": "break"}
    if node.type == "link":
        href = str(node.attrs.get("href", ""))
        inner = _inlines(node.children)
        return {"t": "link", "href": href, "c": inner} if _is_linked(href) else {"t": "group", "c": inner}
    if node.type == "image":
        return {"t": "text", "s": f"[{node.content}]" if node.content else ""}
    return {"t": "text", "s": node.content}


def _is_linked(href: str) -> bool:
    try:
        return urlsplit(href).scheme in _LINKED
    except ValueError:
        return False
