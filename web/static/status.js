// Keeps a job's page up to date: polls the status with backoff, and shows the page anew when it
// has changed. Pauses in a hidden tab; stops when nothing more will happen.

import { now } from "./times.js";

const FIRST_POLL_MS = 700; // Most jobs are done within a second of their page being shown.
const MIN_DELAY_MS = 2000;
const MAX_DELAY_MS = 5000; // The page is never further behind, and an unchanged status costs next to nothing.
const GROWTH = 1.4;
const STATUS_WORDS = {
    PENDING: "The job is waiting.",
    RUNNING: "The job is being annotated.",
    COMPLETED: "The job is completed.",
    FAILED: "The job has failed; the page says why.",
    CANCELLED: "The job was cancelled.",
};
const RESULT_WORDS = {
    archived: "The result is archived now.",
    restoring: "The result is being restored.",
    available: "The result is available.",
};

const announcement = document.getElementById("announcement");
let job = document.getElementById("job");
let etag = null;
let delay = MIN_DELAY_MS;
let timer = null;

/** The status, or null where it is the same as before. */
async function fetchStatus() {
    const headers = { Accept: "application/json" };
    if (etag) headers["If-None-Match"] = etag;
    const reply = await fetch(job.dataset.status, { headers, cache: "no-store" });
    if (reply.status === 304) return null;
    if (!reply.ok) throw new Error(String(reply.status));
    const isChange = etag !== null;
    etag = reply.headers.get("ETag");
    return { ...(await reply.json()), isChange };
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

function announce(status) {
    const text = (status.job_status === "COMPLETED" && RESULT_WORDS[status.result]) || STATUS_WORDS[status.job_status];
    if (announcement.textContent !== text) announcement.textContent = text;
}

async function poll() {
    timer = null;
    try {
        const status = await fetchStatus();
        if (status) {
            await redraw();
            if (status.isChange || !("live" in job.dataset)) announce(status);
            if (status.isChange) delay = MIN_DELAY_MS;
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

/** Ticks "archived in 3 min 20 s" down between two polls. */
function tick() {
    for (const element of job.querySelectorAll("[data-until]")) {
        const left = Math.round(Number(element.dataset.until) - now());
        const [minutes, seconds] = [Math.floor(left / 60), left % 60];
        element.textContent = left < 1 ? "archived any moment" : `archived in ${minutes ? `${minutes} min ` : ""}${seconds} s`;
    }
}

document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
        clearTimeout(timer);
        timer = null;
    } else {
        delay = MIN_DELAY_MS;
        schedule();
    }
});
document.documentElement.classList.add("scripted");
setInterval(tick, 1000);
if ("live" in job.dataset) timer = setTimeout(poll, FIRST_POLL_MS);
