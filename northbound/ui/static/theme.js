// Sets the colours that were chosen before anything is drawn, and that there is
// JavaScript.
(() => {
  "use strict";
  document.documentElement.dataset.scripted = "";
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  } catch { /* storage may be forbidden: then the system's colours hold */ }
})();
