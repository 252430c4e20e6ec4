(() => {
  "use strict";
  const rows = Array.from(document.querySelectorAll("li"), (row) => [row, row.textContent.toLowerCase()]);
  const search = document.getElementById("search");
  search.hidden = false;
  search.addEventListener("input", () => {
    const wanted = search.value.trim().toLowerCase();
    for (const [row, text] of rows) {
      row.hidden = !text.includes(wanted);
    }
  });
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) {
      details.open = true;
    }
  });
})();
