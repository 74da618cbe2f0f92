/* Light or dark: as the system says, until somebody chooses; the choice is kept where the browser allows it. */
"use strict";
(function () {
  const root = document.documentElement, dark = window.matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try { chosen = localStorage.getItem("coldaisle-theme"); } catch { /* a file opened from a disk may have none */ }
  const asked = new URLSearchParams(location.search).get("theme");
  if (asked === "light" || asked === "dark") chosen = asked;
  const apply = () => { root.dataset.theme = chosen || (dark.matches ? "dark" : "light"); };
  apply();
  dark.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    const key = document.querySelector(".theme");
    if (!key) return;
    const name = () => { key.textContent = root.dataset.theme === "dark" ? "Light" : "Dark"; };
    name();
    key.addEventListener("click", () => {
      chosen = root.dataset.theme === "dark" ? "light" : "dark";
      try { localStorage.setItem("coldaisle-theme", chosen); } catch { /* it holds for this page alone */ }
      apply();
      name();
    });
  });
})();
