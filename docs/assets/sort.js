// Sort the tables in `.sortable` by a click on the head of a column.
const number = (text) => parseFloat(text.replace(/,/g, ""));

function compare(a, b) {
  const [x, y] = [number(a), number(b)];
  if (Number.isNaN(x) || Number.isNaN(y)) return a.localeCompare(b);
  return x - y;
}

function sort(head, column) {
  const body = head.closest("table").tBodies[0];
  const up = head.getAttribute("aria-sort") !== "ascending";
  const text = (row) => row.cells[column].textContent.trim();
  const rows = [...body.rows].sort((a, b) => compare(text(a), text(b)));
  body.append(...(up ? rows : rows.reverse()));
  for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
}

document.addEventListener("DOMContentLoaded", () => {
  for (const head of document.querySelectorAll(".sortable th")) {
    head.tabIndex = 0;
    head.addEventListener("click", () => sort(head, head.cellIndex));
    head.addEventListener("keydown", (event) => {
      if (event.key === "Enter") sort(head, head.cellIndex);
    });
  }
});
