// Says so when the copy of a status page that someone reads is old.
const old = document.getElementById("old"), asOf = (await (await fetch(old.dataset.asOf)).json()).as_of;
old.querySelector("time").textContent = new Date(asOf).toLocaleString(document.documentElement.lang);
old.hidden = Date.now() - Date.parse(asOf) < 3e5;
