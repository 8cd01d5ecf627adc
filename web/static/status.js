// Keeps a job's page true: asks for the status, less and less often, and shows the page anew
// when it has changed. Pauses in a hidden tab; stops when nothing more will happen.

const SOON_MS = 700; // Most jobs are done within a second of their page being shown.
const FIRST_MS = 2000;
const LAST_MS = 30000;
const GROWTH = 1.4;
const SAID = {
    PENDING: "The job is waiting.",
    RUNNING: "The job is being annotated.",
    COMPLETED: "The job is completed.",
    FAILED: "The job has failed; the page says why.",
    CANCELLED: "The job was cancelled.",
};
const PLACED = {
    archived: "The result is archived now.",
    restoring: "The result is being restored.",
    available: "The result is available.",
};

const said = document.getElementById("said");
let job = document.getElementById("job");
let etag = null;
let delay = FIRST_MS;
let timer = null;

/** The status, or null where it is the same as before. */
async function ask() {
    const headers = { Accept: "application/json" };
    if (etag) headers["If-None-Match"] = etag;
    const reply = await fetch(job.dataset.status, { headers, cache: "no-store" });
    if (reply.status === 304) return null;
    if (!reply.ok) throw new Error(String(reply.status));
    const known = etag !== null;
    etag = reply.headers.get("ETag");
    return { ...(await reply.json()), known };
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
    if (focused) [...job.querySelectorAll("a, button")].find((e) => e.textContent === focused)?.focus();
}

function announce(status) {
    const text = status.job_status === "COMPLETED" && PLACED[status.result] ? PLACED[status.result] : SAID[status.job_status];
    if (said.textContent !== text) said.textContent = text;
}

async function look() {
    timer = null;
    try {
        const status = await ask();
        if (status) {
            await redraw();
            if (status.known || !("live" in job.dataset)) announce(status);
            if (status.known) delay = FIRST_MS;
        }
    } catch (fault) {
        if (fault.message === "401" || fault.message === "404") return;
    }
    plan();
    delay = Math.min(delay * GROWTH, LAST_MS);
}

function plan() {
    if (timer !== null || document.hidden || !("live" in job.dataset)) return;
    timer = setTimeout(look, delay);
}

/** Ticks "archived in 3 min 20 s" down between two looks. */
function tick() {
    for (const element of job.querySelectorAll("[data-until]")) {
        const left = Math.round(Number(element.dataset.until) - Date.now() / 1000);
        const [minutes, seconds] = [Math.floor(left / 60), left % 60];
        element.textContent = left < 1 ? "archived any moment" : `archived in ${minutes ? `${minutes} min ` : ""}${seconds} s`;
    }
}

document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
        clearTimeout(timer);
        timer = null;
    } else {
        delay = FIRST_MS;
        plan();
    }
});
document.documentElement.classList.add("scripted");
setInterval(tick, 1000);
if ("live" in job.dataset) timer = setTimeout(look, SOON_MS);
