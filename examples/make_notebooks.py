"""Make the notebooks of the examples.

    pip install jupytext
    python -m examples.make_notebooks

The examples are scripts in the percent format: `# %%` begins a cell. Cells with
the tag `active-ipynb` are only in the notebook and are comments in the script;
cells with the tag `active-py` are only in the script.
"""

import pathlib

import jupytext
import nbformat

FOLDER = pathlib.Path(__file__).parent
NOTEBOOKS = FOLDER / "notebooks"
EXAMPLES = ("custom_cell", "fine_tune", "nowcast_radar", "predict_video")


def make_notebook(name):
    """Return the notebook of an example, without outputs.

    Args:
        name: String, one of `EXAMPLES`.

    Returns:
        `nbformat.NotebookNode`, the same each time.
    """
    script = jupytext.read(FOLDER / f"{name}.py", fmt="py:percent")
    make = {
        "code": nbformat.v4.new_code_cell,
        "markdown": nbformat.v4.new_markdown_cell,
    }
    cells = [cell for cell in script.cells if cell.cell_type in make]
    return nbformat.v4.new_notebook(
        cells=[
            make[cell.cell_type](cell.source, id=f"{name}-{number}")
            for number, cell in enumerate(cells)
        ],
        metadata={
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
        },
    )


def main():
    NOTEBOOKS.mkdir(exist_ok=True)
    for name in EXAMPLES:
        path = NOTEBOOKS / f"{name}.ipynb"
        nbformat.write(make_notebook(name), path)
        print(f"Wrote {path}.")


if __name__ == "__main__":
    main()
