// Makes the upload form comfortable: looks at the file first, shows progress, can be cancelled,
// and says in place what went wrong. Without this script the form works as it stands.

import { inspect } from "./vcf.js";

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

const S3_ERRORS = {
    EntityTooLarge: `The file is larger than the ${form.dataset.plan} plan allows (${form.dataset.maxWords}).`,
    EntityTooSmall: "The file is empty.",
    AccessDenied: "The upload was not allowed: it may have waited for too long. Please try again.",
    RequestTimeout: "The connection was too slow, and the upload was given up. Please try again.",
};
let running = null;

function say(text) {
    problem.textContent = text;
    problem.hidden = !text;
    if (text) problem.scrollIntoView({ block: "nearest" });
}

function units(bytes) {
    const at = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), 3);
    return `${(bytes / 1000 ** at).toFixed(at ? 1 : 0)} ${["bytes", "kB", "MB", "GB"][at]}`;
}

/** True if the chosen file may be sent; otherwise the problem is shown. */
async function check() {
    const file = input.files[0];
    about.hidden = true;
    say("");
    if (!file) return false;
    if (file.size > Number(form.dataset.maxBytes)) {
        say(`This file has ${units(file.size)}; the ${form.dataset.plan} plan allows ${form.dataset.maxWords}.`);
        return false;
    }
    const verdict = await inspect(file);
    say(verdict.problem ?? "");
    about.hidden = !verdict.about;
    about.textContent = verdict.about ? `${file.name}: ${verdict.about}` : "";
    return !verdict.problem;
}

/** A fresh form for one upload, so that a page left open for hours still works. */
async function freshForm() {
    const query = choices ? `?${new URLSearchParams(new FormData(choices))}` : "";
    const reply = await fetch(form.dataset.form + query, { headers: { Accept: "application/json" } });
    const body = await reply.json();
    if (!reply.ok) throw new Error(body.error);
    return body;
}

function upload(made, file) {
    const body = new FormData();
    for (const [name, value] of Object.entries(made.fields)) body.append(name, value);
    body.append("file", file);
    const request = new XMLHttpRequest();
    running = request;
    request.upload.addEventListener("progress", (event) => show(event.loaded, event.total));
    request.addEventListener("load", () => (request.status === 201 ? done(made, request) : failed(refusal(request))));
    request.addEventListener("error", () => failed("The connection broke, or the store does not answer. Please try again."));
    request.addEventListener("abort", () => failed("The upload was cancelled."));
    request.open("POST", made.url);
    request.send(body);
}

function show(loaded, total) {
    const percent = Math.floor((loaded / Math.max(total, 1)) * 100);
    bar.value = percent;
    words.textContent = percent < 100 ? `Uploading: ${units(loaded)} of ${units(total)} (${percent} %)` : "Uploaded; checking the file …";
}

/** S3's XML in words for a person. */
function refusal(request) {
    const code = /<Code>([^<]+)<\/Code>/.exec(request.responseText)?.[1] ?? `code ${request.status}`;
    return S3_ERRORS[code] ?? `The upload was refused (${code}). Please reload this page and try again.`;
}

function done(made, request) {
    const xml = new DOMParser().parseFromString(request.responseText, "application/xml");
    const key = xml.querySelector("Key")?.textContent ?? made.fields.key.replace("${filename}", input.files[0].name);
    const bucket = xml.querySelector("Bucket")?.textContent ?? made.bucket;
    const then = new URL(made.then);
    then.searchParams.set("bucket", bucket);
    then.searchParams.set("key", key);
    location.assign(then);
}

function failed(text) {
    running = null;
    progress.hidden = true;
    send.disabled = false;
    say(text);
    send.focus();
}

form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (running || send.disabled || !(await check())) return;
    send.disabled = true;
    progress.hidden = false;
    show(0, input.files[0].size);
    try {
        upload(await freshForm(), input.files[0]);
    } catch (fault) {
        failed(fault.message);
    }
});
input.addEventListener("change", check);
stop.addEventListener("click", () => running?.abort());

for (const kind of ["dragenter", "dragover"]) {
    drop.addEventListener(kind, (event) => {
        event.preventDefault();
        drop.classList.add("is-over");
    });
}
for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("is-over"));
drop.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length !== 1) {
        say("Please drop one file at a time.");
        return;
    }
    input.files = event.dataTransfer.files;
    check();
});
document.documentElement.classList.add("scripted");
