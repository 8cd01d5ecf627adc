// Keeps the list of jobs true: shows it anew every few seconds while a job in it is under way or a result moves, and
// says what has changed. Pauses in a hidden tab.

import { now } from "./times.js";

const EVERY_MS = 4000;
const announcement = document.getElementById("announcement");
let jobs = document.getElementById("jobs");
let timer = null;

function states(list) {
    return new Map([...list.querySelectorAll("tr[data-job]")].map((row) => [row.querySelector("input").value, row]));
}

/** The names of the jobs whose state is another now, each with its new words. */
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
    // A redirect leads to the login, for the session is over: its status is 0 here.
    const reply = await fetch(address, { headers: { Accept: "text/html" }, cache: "no-store", redirect: "manual" });
    if (!reply.ok) return reply.status < 500;
    const fresh = new DOMParser().parseFromString(await reply.text(), "text/html").getElementById("jobs");
    const [before, focused] = [states(jobs), document.activeElement?.id];
    const picked = [...jobs.querySelectorAll("input:checked")].map((box) => box.value);
    const changed = changes(before, fresh);
    if (changed.length) announcement.textContent = changed.join(", ");
    for (const box of fresh.querySelectorAll("input")) box.checked = picked.includes(box.value);
    if (changed.length || fresh.querySelectorAll("tr").length !== jobs.querySelectorAll("tr").length || !("live" in fresh.dataset)) {
        jobs.replaceWith(fresh);
        jobs = fresh;
        if (focused) document.getElementById(focused)?.focus();
    }
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
