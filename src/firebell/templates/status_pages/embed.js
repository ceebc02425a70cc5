/* The widget of a status page: <script async src="https://…/s/SLUG/embed.js"></script>. It's in a shadow root.
   It refreshes while its page is visible. */
(() => {
  const script = document.currentScript;
  const base = script.src.replace(/\/embed\.js.*$/, "");
  const ASK_EVERY_MS = 120000;
  const OLD_AFTER_MS = 300000;
  const LIMIT_MS = 20000;
  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(
    ":host([hidden]){display:none}" +
      "a{display:inline-flex;gap:.5em;align-items:baseline;font:inherit;color:inherit;text-decoration:none}" +
      "a:hover span,a:focus-visible span{text-decoration:underline}b{font-size:.8em}" +
      "[data-state=operational] b{color:#1a7f37}[data-state=under_maintenance] b{color:#1f5fbf}" +
      "[data-state=degraded_performance] b,[data-state=monitoring] b{color:#9a6700}" +
      "[data-state=partial_outage] b,[data-state=major_outage] b{color:#b42318}",
  );
  root.adoptedStyleSheets = [sheet];
  const link = document.createElement("a");
  link.href = base;
  link.rel = "noopener";
  const glyph = document.createElement("b");
  glyph.ariaHidden = "true";
  const text = document.createElement("span");
  link.append(glyph, text);
  root.append(link);
  const local = (at) =>
    new Date(at).toLocaleString(document.documentElement.lang || undefined, {
      weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
    });
  let known = null;
  let aheadMs = -Infinity;
  const show = (status) => {
    const isOld = Date.now() + aheadMs - Date.parse(status.as_of) > OLD_AFTER_MS;
    const isFine = status.worst === "operational" && !status.incidents.length;
    const next = status.maintenances[0];
    host.hidden = isFine && !next && !isOld && "onlyProblems" in script.dataset;
    link.dataset.state = isOld ? "unknown" : isFine || status.worst !== "operational" ? status.worst : "monitoring";
    glyph.textContent = isOld ? "?" : isFine ? "✓" : status.worst === "under_maintenance" ? "◐" : "▲";
    const maintenance = isFine && next ? `. Maintenance ${local(next.scheduled_for)}: ${next.name}` : "";
    text.textContent = (isOld ? `Last known status, ${local(status.as_of)}: ` : "") + status.headline + maintenance;
    if (!host.isConnected) script.after(host);
  };
  const ask = async () => {
    if (known && (document.hidden || !host.isConnected)) return;
    try {
      const answer = await fetch(`${base}/status.json`, { credentials: "omit", signal: AbortSignal.timeout(LIMIT_MS) });
      if (answer.ok) {
        known = await answer.json();
        const { headers } = answer; // this clock may be wrong
        aheadMs = Math.max(aheadMs, Date.parse(headers.get("date")) + headers.get("age") * 1000 - Date.now() || 0);
      }
    } catch {
      /* Firebell can't be reached. */
    }
    if (known) show(known);
  };
  ask();
  setInterval(ask, ASK_EVERY_MS);
  document.addEventListener("visibilitychange", ask);
})();
