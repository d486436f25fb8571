for (const time of document.querySelectorAll("time[data-until]")) {
  const tick = () => {
    const left = Math.max(0, Math.floor(time.dataset.until - Date.now() / 1000));
    const pad = (n) => String(n).padStart(2, "0");
    const days = Math.floor(left / 86400), hours = Math.floor(left / 3600) % 24;
    const clock = `${pad(hours)}:${pad(Math.floor(left / 60) % 60)}:${pad(left % 60)}`;
    time.textContent = left ? (days ? `${days} d ` : "") + clock : "nothing any more: it has ended";
  };
  tick();
  setInterval(tick, 1000);
}
