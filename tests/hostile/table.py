"""What was tried and what it got, as tables in the README."""
import re


def rows(header, lines):
    """A table of Markdown."""
    text = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    text += ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
    return "\n".join(text) + "\n"


def update(path, mark, text):
    """Puts a table between the README's marks of this name; False where it has none."""
    block = re.compile(r"(<!-- %s -->\n)(.*?)(<!-- /%s -->\n)" % (mark, mark), re.S)
    with open(path, encoding="utf-8") as file:
        before = file.read()
    if not block.search(before):
        return False
    with open(path, "w", encoding="utf-8") as file:
        file.write(block.sub(lambda match: match.group(1) + text + match.group(3), before))
    return True
