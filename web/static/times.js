// Shows moments in the reader's own zone, and keeps "3 min ago" true while a page is open.

const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86400;
const words = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const aheadMs = Number(document.documentElement.dataset.now) * 1000 - Date.now(); // The server's clock counts.

/** Epoch seconds by the server's clock. */
export function now() {
    return (Date.now() + aheadMs) / 1000;
}

/** The same words as the server's (web/display/formatting.py). */
function ago(time) {
    const seconds = Math.round(now() - time);
    if (Math.abs(seconds) < 5) return "just now";
    return seconds > 0 ? `${span(seconds)} ago` : `in ${span(-seconds)}`;
}

function span(seconds) {
    if (seconds < MINUTE_S) return `${seconds} s`;
    if (seconds < HOUR_S) return `${Math.round(seconds / MINUTE_S)} min`;
    return seconds < 2 * DAY_S ? `${Math.round(seconds / HOUR_S)} h` : `${Math.round(seconds / DAY_S)} days`;
}

function localise() {
    for (const element of document.querySelectorAll("time[datetime]:not([title])")) {
        element.title = element.textContent.trim();
        element.textContent = words.format(new Date(element.dateTime));
    }
}

function tick() {
    for (const element of document.querySelectorAll("[data-ago]")) {
        const text = ago(Number(element.dataset.ago));
        if (element.textContent !== text) element.textContent = text;
    }
}

localise();
new MutationObserver(localise).observe(document.body, { childList: true, subtree: true });
setInterval(tick, 1000);
