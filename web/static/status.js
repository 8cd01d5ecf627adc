// Keeps a job's page up to date: polls the status with backoff, and shows the page anew when it
// has changed. Pauses in a hidden tab; stops when nothing more will happen.

const FIRST_POLL_MS = 700; // Most jobs are done within a second of their page being shown.
const MIN_DELAY_MS = 2000;
const MAX_DELAY_MS = 5000; // The page is never further behind, and an unchanged status costs next to nothing.
const GROWTH = 1.4;
const announcement = document.getElementById("announcement");
let job = document.getElementById("job");
let etag = null;
let delay = MIN_DELAY_MS;
let timer = null;

/** True where the status is not that of the last poll. */
async function hasChanged() {
    const headers = { Accept: "application/json" };
    if (etag) headers["If-None-Match"] = etag;
    const reply = await fetch(job.dataset.status, { headers, cache: "no-store" });
    if (reply.status === 304) return false;
    if (!reply.ok) throw new Error(String(reply.status));
    etag = reply.headers.get("ETag");
    return true;
}

async function redraw() {
    const reply = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!reply.ok) throw new Error(String(reply.status));
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    const fresh = page.getElementById("job");
    if (!fresh) return;
    const focused = document.activeElement?.closest("#job") ? document.activeElement.textContent : null;
    job.replaceWith(fresh);
    job = fresh;
    refreshForms(page.querySelector(".manage"));
    if (focused) [...job.querySelectorAll("a, button")].find((e) => e.textContent === focused)?.focus();
}

/** What can be done with the job changes with its state; what somebody is typing stays. */
function refreshForms(fresh) {
    const forms = document.querySelector(".manage");
    if (!forms || !fresh || forms.contains(document.activeElement)) return;
    const fields = [...forms.querySelectorAll("input, textarea")];
    if (fields.every((field) => field.value === field.defaultValue)) forms.replaceWith(fresh);
}

/** Says the new state: the words that stand on the page. */
function announce() {
    announcement.textContent = `${document.querySelector("h1 + .badge-status").textContent}: ${job.querySelector(".state h2").textContent}`;
}

async function poll() {
    timer = null;
    try {
        if (await hasChanged()) {
            const shown = job.dataset.shown;
            await redraw();
            if (job.dataset.shown !== shown) announce();
            delay = MIN_DELAY_MS;
        }
    } catch (fault) {
        if (fault.message === "401" || fault.message === "404") return;
    }
    schedule();
    delay = Math.min(delay * GROWTH, MAX_DELAY_MS);
}

function schedule() {
    if (timer !== null || document.hidden || !("live" in job.dataset)) return;
    timer = setTimeout(poll, delay);
}

document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
        clearTimeout(timer);
        timer = null;
    } else {
        delay = MIN_DELAY_MS;
        if ("archived" in job.dataset) poll(); // Its owner may have subscribed meanwhile.
        schedule();
    }
});
document.documentElement.classList.add("scripted");
if ("live" in job.dataset) timer = setTimeout(poll, FIRST_POLL_MS);
