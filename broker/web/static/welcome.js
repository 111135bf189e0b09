// A link's key stands after its #, which no server and no log ever sees; here it goes into the form, and out of the bar.
const key = location.hash.slice(1);
if (key) {
  history.replaceState(null, "", location.pathname);
  document.getElementById("key").value = key;
  document.getElementById("welcome").submit();
}
