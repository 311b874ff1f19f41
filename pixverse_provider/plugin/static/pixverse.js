"use strict";
(() => {
  const root = document.documentElement;
  const stored = (name) => { try { return localStorage.getItem(name); } catch { return null; } };

  // The theme is Airflow's, which keeps it here; before the first paint.
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => {
    const chosen = stored("theme");
    const isDark = chosen === "dark" || (chosen !== "light" && dark.matches);
    root.classList.toggle("dark", isDark);
    root.classList.toggle("light", !isDark);
  };
  theme();
  dark.addEventListener("change", theme);
  addEventListener("storage", theme);

  const say = (text) => {
    const notice = document.getElementById("notice");
    notice.textContent = text;
    notice.hidden = !text;
  };

  const zone = (() => {
    try {
      const name = (stored("timezone") || "").replace(/^"|"$/g, "") || undefined;
      new Intl.DateTimeFormat(undefined, { timeZone: name });
      return name;
    } catch { return undefined; }
  })();

  const times = (part) => {
    for (const element of part.querySelectorAll("time[datetime]")) {
      const moment = new Date(element.dateTime);
      element.title = `${element.dateTime} (UTC)`;
      element.textContent = moment.toLocaleString("sv-SE", { timeZone: zone });
    }
  };

  const elapsed = () => {
    for (const element of document.querySelectorAll("[data-since]")) {
      const seconds = Math.max(0, Math.round((Date.now() - new Date(element.dataset.since)) / 1000));
      const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
      element.textContent = h ? `${h} h ${m} min` : m ? `${m} min ${s} s` : `${s} s`;
    }
  };

  const copies = (part) => {
    if (!navigator.clipboard) return;
    for (const code of part.querySelectorAll("[data-copy]")) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "copy";
      button.textContent = "Copy";
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = "Copy"; }, 1500);
      });
      code.after(button);
    }
  };

  // The address of a video is good for a while only: after that a player begins again where it was, with a fresh one;
  // and where the media host cannot be reached from here, over Airflow.
  const LONG_PAUSE = 5 * 60 * 1000;
  const player = (video) => {
    const source = video.getAttribute("src");
    let failures = 0, paused = 0;
    const again = (query) => {
      const { currentTime, paused: wasPaused } = video;
      video.src = `${source}?${query}`;
      video.addEventListener("loadedmetadata", () => {
        video.currentTime = Math.min(currentTime, video.duration || 0);
        if (!wasPaused) video.play().catch(() => {});
      }, { once: true });
      video.load();
    };
    video.addEventListener("error", () => {
      failures += 1;
      if (failures === 1) again(`again=${Date.now()}`);
      else if (failures === 2) again("through=true");
      else say("The video cannot be played now: reload the page, or download it.");
    });
    video.addEventListener("pause", () => { paused = Date.now(); });
    video.addEventListener("play", () => {
      if (paused && Date.now() - paused > LONG_PAUSE) { paused = 0; failures = 0; again(`again=${Date.now()}`); }
    });
    video.addEventListener("loadedmetadata", () => {
      const place = document.getElementById(video.dataset.length || "");
      if (place && Number.isFinite(video.duration)) {
        place.textContent = `${video.duration.toFixed(1)} s, ${video.videoWidth} × ${video.videoHeight}`;
      }
    });
  };

  // A tile shows its first frame once it is in view, and plays below the pointer.
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const seen = "IntersectionObserver" in window && new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      target.preload = "metadata";
      target.src = `${target.dataset.src}#t=0.1`;
    }
  }, { rootMargin: "200px" });
  const tile = (video) => {
    if (!seen) return;
    seen.observe(video);
    const card = video.closest(".tile");
    card.addEventListener("mouseenter", () => { if (!calm.matches) video.play().catch(() => {}); });
    card.addEventListener("mouseleave", () => video.pause());
  };

  const wake = (part) => {
    times(part);
    copies(part);
    part.querySelectorAll("video[data-player]").forEach(player);
    part.querySelectorAll("video[data-src]").forEach(tile);
  };

  // One small request for the whole page; what has changed is then fetched and put in place, so that a video that
  // plays goes on.
  const swap = (now, next) => {
    const fresh = document.importNode(next, true);
    now.replaceWith(fresh);
    wake(fresh);
  };
  const refresh = async () => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) { location.reload(); return; }
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-part]")) {
      const other = next.querySelector(`[data-part="${part.dataset.part}"]`);
      if (part.dataset.part === "tiles" && other) {
        for (const card of other.children) {
          const shown = document.getElementById(card.id);
          if (!shown) { location.reload(); return; }
          if (shown.dataset.digest !== card.dataset.digest) swap(shown, card);
        }
      } else if (!other) part.remove();
      else if (!part.dataset.digest || part.dataset.digest !== other.dataset.digest) swap(part, other);
    }
    // A message that was not there before.
    if ([...next.querySelectorAll("[data-part]")].some((p) => !document.querySelector(`[data-part="${p.dataset.part}"]`))) {
      location.reload();
      return;
    }
    document.body.dataset.digest = next.body.dataset.digest || "";
    if (!next.body.dataset.status) delete document.body.dataset.status;
  };
  const FIRST = 3000, LATER = 10000, PATIENCE = 3 * 60 * 1000;
  const began = Date.now();
  const watch = async () => {
    const { status, digest } = document.body.dataset;
    if (!status) return;
    if (!document.hidden) {
      try {
        const answer = await fetch(status);
        if (answer.status === 401) { say("Your session has ended: reload the page to log in again."); return; }
        if (answer.ok && (await answer.json()).digest !== digest) await refresh();
      } catch { /* the next one may get through */ }
    }
    setTimeout(watch, Date.now() - began < PATIENCE ? FIRST : LATER);
  };

  addEventListener("DOMContentLoaded", () => {
    wake(document);
    elapsed();
    setInterval(elapsed, 1000);
    if (document.body.dataset.status) setTimeout(watch, FIRST);
  });
})();
