"""The site: the manual, the gallery of all protocols, the reference. `make docs`, or

    python docs/build.py [PROTOCOL …] [--out FOLDER]       with named protocols alone in the gallery; FOLDER is build

The gallery's pages are kept in build/gallery, all pages gathered in build/docs-source, and the site made in build/docs
by Sphinx. A protocol that cannot be run has a page that says why, and the command then ends with status 1. Then

    python -m pytest -m slow tests/test_pages.py           (part of `make test-slow`)

looks at every page of build/docs in a browser, at the widths of a desk and a phone.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import gallery
import reference
from reference import toctree

HERE = Path(__file__).resolve().parent
LINK = re.compile(r"\]\((\w+)\.md\)")
OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./[^)]*\)")  # into the code, which is not part of the site


def main(names: Sequence[str], out: Path) -> int:
    """Make the site; returns the exit status."""
    made = gallery.pages(out / "gallery", names)
    source, site = out / "docs-source", out / "docs"
    source.mkdir(parents=True, exist_ok=True)
    write(source, site, {**manual(), **gallery_pages(made), **reference.pages()})
    for name in ("conf.py", "style.css"):
        shutil.copy2(HERE / name, source / name)
    jobs = str(min(os.cpu_count() or 1, 4))
    done = subprocess.run([sys.executable, "-W", "ignore", "-m", "sphinx", "-q", "-j", jobs, "-b", "html",
                           str(source), str(site)])
    for page in made:
        if page.failure:
            print(f"{page.name}: {page.failure.strip().splitlines()[-1]}", file=sys.stderr)
    print(f"site: {site / 'index.html'}")
    return done.returncode or int(any(page.failure for page in made))


def write(source: Path, site: Path, pages: dict[str, str | bytes]) -> None:
    """Files of the source, by path; what has not changed is left alone, what is no longer made goes."""
    for path in [path for path in source.rglob("*") if path.is_file()]:
        if path.relative_to(source).as_posix() not in {*pages, "conf.py", "style.css"}:
            path.unlink()
            (site / path.relative_to(source)).with_suffix(".html").unlink(missing_ok=True)
    for name, content in pages.items():
        path, data = source / name, content.encode() if isinstance(content, str) else content
        if not path.exists() or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def manual() -> dict[str, str | bytes]:
    """The pages of docs/, and the contents: in the order of index.md, then whatever it does not name."""
    pages: dict[str, str | bytes] = {path.name: path.read_bytes() for path in sorted(HERE.glob("*.png"))}
    for path in sorted(HERE.glob("*.md")):
        pages[path.name] = OUTSIDE.sub(r"\1", path.read_text(encoding="utf-8"))
    index = str(pages["index.md"])
    named = set(LINK.findall(index))
    rest = [path.stem for path in sorted(HERE.glob("*.md")) if path.stem not in named | {"index"}]
    trees = [toctree(caption, LINK.findall(part)) for caption, part in parts(index)]
    trees[:0] = [toctree("See it", ["gallery/index"])]
    trees += [toctree("More", rest)] if rest else []
    trees.append(toctree("Reference", ["api/index"]))
    pages["index.md"] = "\n\n".join([index, "Every registered experiment, run small: the [gallery](gallery/index.md). "
                                     "Every public name: the [reference](api/index.md).", *trees]) + "\n"
    return pages


def parts(index: str) -> list[tuple[str, str]]:
    """The tables of index.md, each under the line that introduces it."""
    pieces = re.split(r"^(\S[^|\n]*):\n(?=\n\|)", index, flags=re.MULTILINE)
    found = list(zip(pieces[1::2], pieces[2::2], strict=True))
    return [("Manual", text) if k == 0 else (caption, text) for k, (caption, text) in enumerate(found)]


def gallery_pages(made: Sequence) -> dict[str, str | bytes]:
    """The gallery's own files, and the page that shows them all."""
    found: dict[str, str | bytes] = {}
    cards = []
    for page in made:
        if page.failure:
            found[f"gallery/{page.name}.md"] = (f"# {page.name}\n\nIt could not be run.\n\n"
                                                f"```text\n{page.failure}\n```\n")
            cards.append(f":::{{container}} card\n[{page.name}]({page.name}.md)\n\ncould not be run\n:::")
            continue
        found[f"gallery/{page.name}.md"] = page_text(page)
        found[f"static/reports/{page.name}.html"] = (page.folder / "report.html").read_bytes()
        for picture in page.folder.glob("*.png"):
            found[f"gallery/{page.name}/{picture.name}"] = picture.read_bytes()
        shown = (page.folder / "thumbnail.png").exists()
        image = f"[![{page.title}]({page.name}/thumbnail.png)]({page.name}.md)\n\n" if shown else ""
        cards.append(f":::{{container}} card\n{image}[{page.title}]({page.name}.md)\n\n{page.source}\n:::")
    found["gallery/index.md"] = "\n\n".join([
        "# Gallery", "Every experiment that is registered here, as it looks when it is run: with few animals, at its "
        "cheapest level of description. Each page gives the command; the manual tells of the runs at full size.",
        "::::{container} cards", *cards, "::::", toctree("", [page.name for page in made])]) + "\n"
    return found


def page_text(page) -> str:
    """page.md, with its pictures where the site keeps them, and its report where that lies."""
    text = (page.folder / "page.md").read_text(encoding="utf-8")
    text = re.sub(r"\]\(figure-", f"]({page.name}/figure-", text)
    address = f"../reports/{page.name}.html"
    return re.sub(rf"\[([^\]]+)\]\({re.escape(address)}\)", rf'<a href="{address}">\1</a>', text)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description="Make the site of neuroam.")
    options.add_argument("names", nargs="*", metavar="PROTOCOL")
    options.add_argument("--out", type=Path, default=HERE.parent / "build", metavar="FOLDER")
    chosen = options.parse_args()
    sys.exit(main(chosen.names, chosen.out.resolve()))
