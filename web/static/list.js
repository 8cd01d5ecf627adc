// Keeps the list of jobs true: shows what has changed while a job in it is under way or a result
// moves, and says so. Pauses in a hidden tab.

import { now } from "./times.js";

const EVERY_MS = 4000;
const announcement = document.getElementById("announcement");
let jobs = document.getElementById("jobs");
let timer = null;

function states(list) {
    return new Map([...list.querySelectorAll("tr[data-job]")].map((row) => [row.querySelector("input").value, row]));
}

/** What a list shows; one that shows the same stays, with what is selected in it. */
function shape(list) {
    return [...list.querySelectorAll("tr[data-job], [data-until]")].map((e) => Object.values(e.dataset)).join();
}

/** The jobs whose state is another now, each with its new words. */
function changes(before, after) {
    const found = [];
    for (const [id, row] of states(after)) {
        const old = before.get(id);
        if (old && old.dataset.status !== row.dataset.status) found.push(`${row.dataset.job}: ${row.querySelector(".badge-status").textContent}`);
    }
    return found;
}

async function refresh() {
    const address = new URL(location.href);
    address.pathname += "/rows";
    // A redirect, to the login, has the status 0 here.
    const reply = await fetch(address, { headers: { Accept: "text/html" }, cache: "no-store", redirect: "manual" });
    if (!reply.ok) return reply.status < 500;
    const fresh = new DOMParser().parseFromString(await reply.text(), "text/html").getElementById("jobs");
    const changed = changes(states(jobs), fresh).join(", ");
    if (changed) announcement.textContent = changed;
    if (shape(fresh) !== shape(jobs)) {
        const focused = document.activeElement?.id;
        const picked = [...jobs.querySelectorAll("input:checked")].map((box) => box.value);
        for (const box of fresh.querySelectorAll("input")) box.checked = picked.includes(box.value);
        jobs.replaceWith(fresh);
        jobs = fresh;
        if (focused) document.getElementById(focused)?.focus();
    }
    jobs.toggleAttribute("data-live", "live" in fresh.dataset);
    return false;
}

async function follow() {
    timer = null;
    const isOver = isMoving() && (await refresh().catch(() => false));
    if (!isOver) schedule();
}

/** True while a job is under way, and when a result's time here is over. */
function isMoving() {
    return "live" in jobs.dataset || [...jobs.querySelectorAll("[data-until]")].some((e) => Number(e.dataset.until) < now());
}

function schedule() {
    if (timer === null && !document.hidden) timer = setTimeout(follow, EVERY_MS);
}

document.addEventListener("visibilitychange", schedule);
schedule();
