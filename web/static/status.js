// Keeps a job's page up to date: asks for the status, and shows the page anew when it has changed.

import { follow, get, pageWith } from "./follow.js";

const announcement = document.getElementById("announcement");
let job = document.getElementById("job");
let etag = null;

/** True where the status is another than the one shown: that counts once the page has come. */
async function look() {
    const headers = { Accept: "application/json" };
    if (etag) headers["If-None-Match"] = etag;
    const reply = await get(job.dataset.status, headers);
    if (reply.status === 304) return false;
    const shown = job.dataset.shown;
    redraw(await pageWith("job", location.href));
    etag = reply.headers.get("ETag");
    if (job.dataset.shown !== shown) announce();
    return true;
}

function redraw(page) {
    const fresh = page.getElementById("job");
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

/** True while something happens by itself; of an archived result its owner may have subscribed meanwhile. */
function isLive(isBack) {
    return "live" in job.dataset || (isBack && "archived" in job.dataset);
}

document.documentElement.classList.add("scripted");
follow(look, isLive);
