// Makes the upload form comfortable: looks at the files first, sends one or several, shows progress
// and the time left, tries again after a broken connection, can be cancelled, and says in place
// what went wrong. Without this script the form works as it stands, for one file.

import { judge } from "./contigs.js";
import { pause, sendInParts } from "./parts.js";
import { inspect } from "./vcf.js";

const TRIES = 3;
const PAUSE_MS = 2000;
const form = document.getElementById("upload");
const input = document.getElementById("file");
const drop = form.querySelector(".drop");
const send = document.getElementById("send");
const stop = document.getElementById("stop");
const progress = document.getElementById("progress");
const bar = document.getElementById("bar");
const words = document.getElementById("progress-words");
const problem = document.getElementById("problem");
const about = document.getElementById("about");
const choices = document.getElementById("reference");
const batch = document.getElementById("batch");

const S3_ERRORS = {
    EntityTooLarge: `The file is larger than the ${form.dataset.plan} plan allows (${form.dataset.maxWords}).`,
    EntityTooSmall: "The file is empty.",
    AccessDenied: "The upload was not allowed: it may have waited for too long. Please try again.",
    RequestTimeout: "The connection was too slow, and the upload was given up. Please try again.",
};
const CANCELLED = "The upload was cancelled.";
const BROKEN = "The connection broke, or the store does not answer. Please try again.";
let running = null;
let cancelling = new AbortController();
let sending = false;
let batchName = "";

class Refused extends Error {
    isFinal = true;
}

function say(text) {
    problem.textContent = text;
    problem.hidden = !text;
    if (text) problem.scrollIntoView({ block: "nearest" });
}

function units(bytes) {
    const at = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), 3);
    return `${(bytes / 1000 ** at).toFixed(at ? 1 : 0)} ${["bytes", "kB", "MB", "GB"][at]}`;
}

function span(seconds) {
    const whole = Math.max(1, Math.round(seconds));
    return whole < 90 ? `${whole} s` : `${Math.round(whole / 60)} min`;
}

/** {problem} or {about} of one file. */
async function verdict(file) {
    if (file.size > Number(form.dataset.maxBytes)) {
        return { problem: `This file has ${units(file.size)}; the ${form.dataset.plan} plan allows ${form.dataset.maxWords}.` };
    }
    const found = await inspect(file);
    if (found.problem || !found.text) return found;
    const contigs = judge(found.text, choices?.reference?.value);
    return { problem: contigs.problem, about: [found.about, contigs.note].filter(Boolean).join(" · ") };
}

/** True if all of the chosen files may be sent; otherwise the problem is shown. */
async function check() {
    const files = [...input.files];
    const several = files.length > 1;
    about.hidden = true;
    batch.hidden = !several;
    say("");
    if (!files.length) return false;
    const verdicts = await Promise.all(files.map(verdict));
    const problems = files.map((file, i) => verdicts[i].problem && (several ? `${file.name}: ${verdicts[i].problem}` : verdicts[i].problem));
    say(problems.filter(Boolean).join("\n"));
    const lines = files.map((file, i) => verdicts[i].about && `${file.name}: ${verdicts[i].about}`).filter(Boolean);
    about.hidden = !lines.length;
    about.replaceChildren(...lines.map((line) => Object.assign(document.createElement("span"), { textContent: line })));
    return !problems.some(Boolean);
}

/** A fresh form for one upload, so that a page left open for hours still works. */
async function freshForm() {
    const query = new URLSearchParams(choices ? new FormData(choices) : {});
    if (batchName) query.set("batch", batchName);
    if (batchName) query.set("batch_size", input.files.length);
    const reply = await fetch(`${form.dataset.form}?${query}`, { headers: { Accept: "application/json" } }).catch(() => {
        throw new Error(BROKEN);
    });
    const body = await reply.json();
    if (!reply.ok) throw new Refused(body.error);
    return body;
}

/** Resolves to S3's answer; rejects with Refused where trying again is of no use. */
function post(made, file, report) {
    const body = new FormData();
    for (const [name, value] of Object.entries(made.fields)) body.append(name, value);
    body.append("file", file);
    return new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();
        running = request;
        request.upload.addEventListener("progress", (event) => report(event.loaded, event.total));
        request.addEventListener("load", () => (request.status === 201 ? resolve(request) : reject(refusal(request))));
        request.addEventListener("error", () => reject(new Error(BROKEN)));
        request.addEventListener("abort", () => reject(new Refused(CANCELLED)));
        request.open("POST", made.url);
        request.send(body);
    });
}

/** S3's XML in words for a person; a fault of S3's own may pass. */
function refusal(request) {
    const code = /<Code>([^<]+)<\/Code>/.exec(request.responseText)?.[1] ?? `code ${request.status}`;
    const text = S3_ERRORS[code] ?? `The upload was refused (${code}). Please reload this page and try again.`;
    return request.status >= 500 ? new Error(text) : new Refused(text);
}

/** The address, on this site, that makes a job of what was sent. */
function next(made, file, request) {
    const xml = new DOMParser().parseFromString(request.responseText, "application/xml");
    const then = new URL(made.then);
    then.searchParams.set("bucket", xml.querySelector("Bucket")?.textContent ?? made.bucket);
    then.searchParams.set("key", xml.querySelector("Key")?.textContent ?? made.fields.key.replace("${filename}", file.name));
    return then.pathname + then.search;
}

async function upload(file, report) {
    if (file.size > Number(form.dataset.partsAbove)) return uploadInParts(file, report);
    for (let tries = 1; ; tries += 1) {
        cancelling.signal.throwIfAborted();
        try {
            const made = await freshForm();
            return next(made, file, await post(made, file, report));
        } catch (fault) {
            if (fault.isFinal || tries === TRIES) throw fault;
            words.textContent = `The connection broke; trying ${file.name} again …`;
            await pause(PAUSE_MS * tries, cancelling.signal);
        }
    }
}

async function uploadInParts(file, report) {
    const choice = new FormData(choices ?? undefined);
    if (batchName) choice.set("batch", batchName);
    if (batchName) choice.set("batch_size", input.files.length);
    const hold = (request) => (running = request);
    const sent = await sendInParts(file, choice, form.dataset.parts, report, hold, cancelling.signal);
    const then = new URL(sent.then);
    then.searchParams.set("bucket", sent.bucket);
    then.searchParams.set("key", sent.key);
    return then.pathname + then.search;
}

/** A reporter of one file's progress among all: bytes sent, their share, the time left. */
function reporter(name, before, whole, began) {
    return (loaded) => {
        const sent = before + loaded;
        const percent = Math.floor((sent / Math.max(whole, 1)) * 100);
        const seconds = (performance.now() - began) / 1000;
        const left = seconds > 2 && sent < whole ? `, about ${span((seconds / sent) * (whole - sent))} left` : "";
        bar.value = percent;
        words.textContent = percent < 100 ? `Uploading ${name}: ${units(sent)} of ${units(whole)} (${percent} %${left})` : "Uploaded; checking the file …";
    };
}

async function sendAll(files) {
    const whole = files.reduce((sum, file) => sum + file.size, 0);
    const began = performance.now();
    let sent = 0;
    for (const file of files) {
        const report = reporter(file.name, sent, whole, began);
        report(0);
        const then = await upload(file, report);
        sent += file.size;
        if (files.length === 1) return then;
        const reply = await fetch(then, { headers: { Accept: "application/json" }, redirect: "manual" });
        if (reply.type !== "opaqueredirect" && !reply.ok) throw new Refused(`${file.name}: ${(await reply.json()).error}`);
    }
    return `${form.dataset.list}?${new URLSearchParams({ batch: batchName })}`;
}

function failed(text) {
    running = null;
    sending = false;
    progress.hidden = true;
    send.disabled = false;
    say(text);
    send.focus();
}

form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (sending || send.disabled || !(await check())) return;
    send.disabled = true;
    progress.hidden = false;
    sending = true;
    cancelling = new AbortController();
    batchName = batch.hidden ? "" : batch.querySelector("input").value || `${input.files.length} files of ${new Date().toLocaleString()}`;
    try {
        const address = await sendAll([...input.files]);
        sending = false;
        location.assign(address);
    } catch (fault) {
        failed(fault.message);
    }
});
input.addEventListener("change", check);
choices?.addEventListener("change", check);
stop.addEventListener("click", () => {
    cancelling.abort(new Refused(CANCELLED));
    running?.abort();
});
window.addEventListener("beforeunload", (event) => {
    if (sending) event.preventDefault();
});

for (const kind of ["dragenter", "dragover"]) {
    drop.addEventListener(kind, (event) => {
        event.preventDefault();
        drop.classList.add("is-over");
    });
}
for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("is-over"));
drop.addEventListener("drop", (event) => {
    event.preventDefault();
    input.files = event.dataTransfer.files;
    check();
});
input.multiple = true;
document.documentElement.classList.add("scripted");
