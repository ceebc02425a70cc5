/* The widget of a status page: <script async src="https://…/s/SLUG/embed.js"></script>. Its element is in a shadow root. */
(async () => {
  const script = document.currentScript;
  const base = script.src.replace(/\/embed\.js.*$/, "");
  try {
    const answer = await fetch(`${base}/status.json`, { credentials: "omit" });
    const status = await answer.json();
    const isFine = status.worst === "operational" && !status.incidents.length;
    const next = status.maintenances[0];
    if (!answer.ok || (isFine && !next && "onlyProblems" in script.dataset)) return;
    const host = document.createElement("div");
    const root = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(
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
    link.dataset.state = isFine || status.worst !== "operational" ? status.worst : "monitoring";
    const glyph = document.createElement("b");
    glyph.ariaHidden = "true";
    glyph.textContent = isFine ? "✓" : status.worst === "under_maintenance" ? "◐" : "▲";
    const text = document.createElement("span");
    text.textContent = status.headline;
    if (isFine && next) {
      const at = new Date(next.scheduled_for).toLocaleString(document.documentElement.lang || undefined, {
        weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
      });
      text.textContent += `. Maintenance ${at}: ${next.name}`;
    }
    link.append(glyph, text);
    root.append(link);
    script.after(host);
  } catch {
    /* A status that cannot be read shows nothing. */
  }
})();
