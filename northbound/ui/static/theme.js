// Sets the colours that were chosen before anything is drawn.
(() => {
  "use strict";
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  } catch { /* storage may be forbidden: then the system's colours hold */ }
})();
