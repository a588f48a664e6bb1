"""Draws the figures of paper.md: python paper/figures.py [--quick]

The scripts of docs/ draw them into docs/_static; they are copied here. With --quick the stored
pictures are copied, and nothing is drawn again.
"""

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent / "docs"
# Each picture and the script that draws it.
FIGURES = {
    "overview.png": "overview.py",
    "star_mesh.png": "elimination_picture.py",
    "f_table.png": "figures_of_f.py",
}


def main():
    """Draw and copy every figure."""
    for picture, script in FIGURES.items():
        if "--quick" not in sys.argv[1:]:
            subprocess.run([sys.executable, DOCS / script], check=True)
        shutil.copy(DOCS / "_static" / picture, HERE / picture)
        print(f"wrote {HERE / picture}")


if __name__ == "__main__":
    main()
