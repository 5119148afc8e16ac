// Sets light or dark before the first paint, so that the page does not flash. A file of its own: inline scripts are forbidden.
(function () {
  var theme = null;
  try {
    theme = localStorage.getItem('ratel.theme');
  } catch {
    // A browser that keeps nothing follows the system.
  }
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
})();
