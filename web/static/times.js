// Shows moments in the reader's own zone, and keeps "3 min ago" and "archived in 20 s" true while a
// page is open.

const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86400;
const words = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const aheadMs = Number(document.documentElement.dataset.now) * 1000 - Date.now(); // The server's clock counts.

/** Epoch seconds by the server's clock. */
export function now() {
    return (Date.now() + aheadMs) / 1000;
}

/** A moment, or milliseconds since 1970, in words. */
export function moment(time) {
    return words.format(time);
}

/** The same words as the server's (web/display/formatting.py). */
function ago(time) {
    const seconds = Math.round(now() - time);
    if (Math.abs(seconds) < 5) return "just now";
    return seconds > 0 ? `${span(seconds)} ago` : `in ${span(-seconds)}`;
}

/** A span in words. */
export function span(seconds) {
    if (seconds < MINUTE_S) return `${Math.ceil(seconds)} s`;
    if (seconds < HOUR_S) return `${Math.round(seconds / MINUTE_S)} min`;
    return seconds < 2 * DAY_S ? `${Math.round(seconds / HOUR_S)} h` : `${Math.round(seconds / DAY_S)} days`;
}

function localise() {
    for (const element of document.querySelectorAll("time[datetime]:not([title])")) {
        element.title = element.textContent.trim();
        element.textContent = moment(new Date(element.dateTime));
    }
}

/** The words of web/display/availability.py. */
function left(seconds) {
    if (seconds < 1) return "about to be archived";
    const [minutes, rest] = [Math.floor(seconds / MINUTE_S), Math.floor(seconds % MINUTE_S)];
    return `archived in ${minutes && minutes < 60 ? `${minutes} min ${rest} s` : span(seconds)}`;
}

function show(element, text) {
    if (element.textContent !== text) element.textContent = text;
}

function tick() {
    for (const element of document.querySelectorAll("[data-ago]")) show(element, ago(Number(element.dataset.ago)));
    for (const element of document.querySelectorAll("[data-until]")) show(element, left(Number(element.dataset.until) - now()));
}

localise();
new MutationObserver(localise).observe(document.body, { childList: true, subtree: true });
setInterval(tick, 1000);
