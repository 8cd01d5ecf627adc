// Keeps the list of jobs true: shows what has changed while a job in it is under way or a result
// moves, and says so.

import { follow, pageWith } from "./follow.js";
import { now } from "./times.js";

const announcement = document.getElementById("announcement");
let jobs = document.getElementById("jobs");

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

/** True where the list is another than the one shown. */
async function look() {
    const address = new URL(location.href);
    address.pathname += "/rows";
    const fresh = (await pageWith("jobs", address)).getElementById("jobs");
    const changed = changes(states(jobs), fresh).join(", ");
    if (changed) announcement.textContent = changed;
    const isAnother = shape(fresh) !== shape(jobs);
    if (isAnother) {
        const focused = document.activeElement?.id;
        const picked = [...jobs.querySelectorAll("input:checked")].map((box) => box.value);
        for (const box of fresh.querySelectorAll("input")) box.checked = picked.includes(box.value);
        jobs.replaceWith(fresh);
        jobs = fresh;
        if (focused) document.getElementById(focused)?.focus();
    }
    jobs.toggleAttribute("data-live", "live" in fresh.dataset);
    return isAnother;
}

/** True while a job is under way, and when a result's time here is over. */
function isMoving() {
    return "live" in jobs.dataset || [...jobs.querySelectorAll("[data-until]")].some((e) => Number(e.dataset.until) < now());
}

follow(look, isMoving);
