/* The list of runs: a word typed into the field leaves the lines that hold it. */
"use strict";
(function () {
  const field = document.getElementById("search"), count = document.getElementById("count");
  const rows = [...document.querySelectorAll("tbody tr")];
  const find = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row) => {
      row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
      if (!row.hidden) shown += 1;
    });
    count.textContent = shown + " of " + rows.length;
  };
  field.addEventListener("input", find);
  find();
})();
